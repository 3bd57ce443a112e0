/**
 * The two kubeconfig files a user works with: karmada.config (contexts karmada-host and karmada-apiserver) and
 * members.config (member1 to member3). Entries of other clusters in them are kept.
 */
import { existsSync } from 'node:fs';
import { loadKubeconfig } from '../client/kubeconfig/load.ts';
import { type KubeconfigEntries, mergeIntoKubeconfig, removeFromKubeconfig } from '../client/kubeconfig/write.ts';
import type { ControlPlanePki } from '../installation/control-plane-certificates.ts';
import { controlPlaneUrl } from './certificates.ts';
import { type Addresses, type ClusterName, type Environment, hostName, memberNames } from './environment.ts';

const controlPlaneName = 'karmada-apiserver';

/** Fails, naming the file, when one of them is there and cannot be parsed: before anything is started. */
export function checkUserKubeconfigs(environment: Environment): void {
  for (const file of [environment.mainKubeconfig, environment.memberKubeconfig]) {
    if (existsSync(file)) loadKubeconfig(file);
  }
}

export async function writeUserKubeconfigs(
  environment: Environment,
  addresses: Addresses,
  pki: ControlPlanePki,
): Promise<void> {
  const main = [clusterEntries(environment, hostName), controlPlaneEntries(addresses, pki)];
  const current = existsSync(environment.mainKubeconfig)
    ? loadKubeconfig(environment.mainKubeconfig)['current-context']
    : '';
  await mergeIntoKubeconfig(environment.mainKubeconfig, join(main, current === '' ? hostName : undefined));
  await mergeIntoKubeconfig(
    environment.memberKubeconfig,
    join(memberNames.map((name) => clusterEntries(environment, name))),
  );
}

export async function removeUserKubeconfigs(environment: Environment): Promise<void> {
  const names = (list: readonly string[]) => ({ clusters: list, users: list, contexts: list });
  await removeFromKubeconfig(environment.mainKubeconfig, names([hostName, controlPlaneName]));
  await removeFromKubeconfig(environment.memberKubeconfig, names(memberNames));
}

/** What a kubelite wrote for its administrator, under the cluster's name. */
function clusterEntries(environment: Environment, name: ClusterName): KubeconfigEntries {
  const written = loadKubeconfig(environment.clusterKubeconfig(name));
  const cluster = written.clusters[0]?.cluster;
  const user = written.users[0]?.user;
  if (cluster === undefined || user === undefined)
    throw new Error(`${environment.clusterKubeconfig(name)} names no cluster or user`);
  return entries(name, cluster, user);
}

function controlPlaneEntries(addresses: Addresses, pki: ControlPlanePki): KubeconfigEntries {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return entries(
    controlPlaneName,
    { 'certificate-authority-data': base64(pki.ca.cert), server: controlPlaneUrl(addresses.apiServerIp) },
    { 'client-certificate-data': base64(pki.admin.cert), 'client-key-data': base64(pki.admin.key) },
  );
}

type Cluster = NonNullable<KubeconfigEntries['clusters']>[number]['cluster'];
type User = NonNullable<KubeconfigEntries['users']>[number]['user'];

function entries(name: string, cluster: Cluster, user: User): KubeconfigEntries {
  return {
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
}

function join(parts: readonly KubeconfigEntries[], currentContext?: string): KubeconfigEntries {
  return {
    clusters: parts.flatMap((part) => part.clusters ?? []),
    users: parts.flatMap((part) => part.users ?? []),
    contexts: parts.flatMap((part) => part.contexts ?? []),
    ...(currentContext === undefined ? {} : { currentContext }),
  };
}
