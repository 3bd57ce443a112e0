/** `karmada local up`: the steps from nothing to a usable environment. Each step finds what is there already and keeps it. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import type { KubeObject } from '../apimachinery/object.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { karmadaCustomResourceDefinitions } from '../apis/crd.ts';
import { clusters as clusterType } from '../apis/resource-types.ts';
import type { Client } from '../client/client.ts';
import { agentBootstrapObjects } from '../clusters/agent/bootstrap-objects.ts';
import { componentNamespace, installationObjects } from '../installation/control-plane-objects.ts';
import { createIfAbsent, createOrUpdate } from '../installation/put-object.ts';
import { deployments, namespaces } from '../kubernetes/resource-types.ts';
import type { Deployment } from '../kubernetes/types.ts';
import { controlPlaneUrl, type EnvironmentPki, ensurePki } from './certificates.ts';
import { clientFor, clientFromFile } from './clients.ts';
import {
  type Addresses,
  type ClusterName,
  clusterNames,
  type Environment,
  hostName,
  loadAddresses,
  memberNames,
  pullMemberName,
  takenPorts,
} from './environment.ts';
import { checkUserKubeconfigs, writeUserKubeconfigs } from './kubeconfigs.ts';
import { withLock } from './lock.ts';
import { apiServerService, componentDeployments } from './manifests/components.ts';
import { componentSecrets } from './manifests/secrets.ts';
import { joinMember } from './members.ts';
import type { Progress } from './progress.ts';
import { registerPullMember } from './pull-member.ts';
import { runningSupervisor, stopSupervisor } from './supervisor.ts';
import { FatalError, Waiter } from './waiter.ts';

export interface UpOptions {
  environment: Environment;
  progress: Progress;
  /** Path of the bundled `karmada` executable: run again as the supervisor. */
  executable: string;
  /** Identifies the built code; a supervisor of another build is restarted. */
  build: string;
  /** Whole start, ms. */
  timeoutMs: number;
  clock?: Clock;
}

export interface UpResult {
  addresses: Addresses;
  /** False when everything ran before. */
  started: boolean;
}

export async function localUp(options: UpOptions): Promise<UpResult> {
  const { environment, progress } = options;
  const clock = options.clock ?? systemClock;
  checkUserKubeconfigs(environment);
  return withLock(environment.home, async () => {
    // Time spent waiting for another local-up does not count.
    const wait = new Waiter(clock, AbortSignal.timeout(options.timeoutMs));
    const addresses = await loadAddresses(environment);
    const started = await progress.step('starting clusters karmada-host, member1, member2, member3', async (detail) => {
      const fresh = await ensureSupervisor(options, addresses, wait, detail);
      await Promise.all(clusterNames.map((name) => clusterReady(name, environment, wait, detail)));
      return fresh;
    });
    const pki = await ensurePki(environment.pki, addresses.apiServerIp, clock);
    const host = clientFromFile(environment.clusterKubeconfig(hostName));
    const karmada = clientFor({
      server: controlPlaneUrl(addresses.apiServerIp),
      ca: pki.ca.cert,
      clientCertificate: pki.admin,
    });
    try {
      await progress.step('starting the Karmada control plane on karmada-host', async (detail) => {
        await installComponents(host, environment, addresses, pki);
        await wait.until('karmada-apiserver answers', detail, () => karmada.text('/readyz'));
      });
      await progress.step('installing APIs and rights', async () => {
        for (const object of installationObjects(karmadaCustomResourceDefinitions())) await put(karmada, object, wait);
        // The ConfigMap among them is signed by the control plane: it is not written again.
        for (const object of agentBootstrapObjects({ server: controlPlaneUrl(addresses.apiServerIp), ca: pki.ca.cert }))
          await createIfAbsent(karmada, object);
      });
      await progress.step('joining member1, member2, member3', async (detail) => {
        await Promise.all(memberNames.map((name) => join(name)));

        async function join(name: ClusterName): Promise<void> {
          const member = clientFromFile(environment.clusterKubeconfig(name));
          try {
            await wait.until(`${name} joined`, detail, () =>
              name === pullMemberName
                ? registerPullMember(karmada, member, name, addresses, pki)
                : joinMember(karmada, member, name, addresses),
            );
          } finally {
            await member.close();
          }
        }
      });
      // Before the last wait: whoever looks for what is not ready needs them.
      await writeUserKubeconfigs(environment, addresses, pki);
      await progress.step('waiting until all is ready', async (detail) => {
        await wait.until('components', detail, () => componentsAvailable(host));
        await wait.until('member clusters', detail, () => membersReady(karmada));
      });
    } finally {
      await Promise.allSettled([host.close(), karmada.close()]);
    }
    return { addresses, started };
  });
}

/** Starts the supervisor unless the one of this very build runs. Returns whether it did. */
async function ensureSupervisor(
  options: UpOptions,
  addresses: Addresses,
  wait: Waiter,
  detail: (text: string) => void,
): Promise<boolean> {
  const { environment } = options;
  const running = runningSupervisor(environment);
  if (running?.build === options.build) return false;
  if (running !== undefined) {
    detail('the project was built anew: restarting the environment');
    await stopSupervisor(running, wait, detail);
  }
  await portsFree(addresses, options.clock ?? systemClock);
  const log = openSync(environment.supervisorLog, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [options.executable, 'local', 'supervise'], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, KARMADA_HOME: environment.home },
    });
    child.unref();
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code) =>
        reject(new Error(`the supervisor ended with exit code ${code}; see ${environment.supervisorLog}`)),
      );
    });
    failed.catch(() => undefined);
    await Promise.race([
      failed,
      wait.until('the supervisor starts', detail, async () => {
        if (runningSupervisor(environment) === undefined) throw new Error(`see ${environment.supervisorLog}`);
      }),
    ]);
  } finally {
    closeSync(log);
  }
  return true;
}

/** Clusters whose supervisor was killed end within a second: a port that is still taken then is somebody else's. */
const portPatienceMs = 5000;

async function portsFree(addresses: Addresses, clock: Clock): Promise<void> {
  const since = clock.now();
  for (;;) {
    const [name] = await takenPorts(addresses);
    if (name === undefined) return;
    if (clock.now() - since > portPatienceMs) {
      throw new Error(
        `port ${addresses.ports[name]} on 127.0.0.1, which ${name} had, is taken by another program: stop it, or run hack/local-down-karmada.sh to start afresh on other ports`,
      );
    }
    await clock.sleep(100);
  }
}

/** A kubelite writes its kubeconfig when it listens; a cluster that cannot start says why in its log. */
async function clusterReady(
  name: ClusterName,
  environment: Environment,
  wait: Waiter,
  detail: (text: string) => void,
): Promise<void> {
  const file = environment.clusterKubeconfig(name);
  let deaths = 0;
  await wait.until(`${name} answers`, detail, async () => {
    const failure = startFailure(name, environment);
    if (failure !== undefined && ++deaths > 40) throw new FatalError(failure);
    if (!existsSync(file)) throw new Error(`${file} is not there yet`);
    const client = clientFromFile(file);
    try {
      await client.text('/readyz');
      await client.resource(namespaces).get({ name: 'default' });
    } finally {
      await client.close();
    }
  });
}

/** The last error of a cluster that keeps ending, by the supervisor's log. */
function startFailure(name: ClusterName, environment: Environment): string | undefined {
  const tail = (path: string) =>
    existsSync(path) ? readFileSync(path, 'utf8').slice(-4000).trimEnd().split('\n') : [];
  const ended = tail(environment.supervisorLog)
    .filter((line) => line.includes(`cluster ${name} `))
    .at(-1);
  if (ended === undefined || !ended.includes('ended')) return undefined;
  return `${name} does not start: ${tail(environment.clusterLog(name)).at(-1) ?? 'no log'} (log: ${environment.clusterLog(name)})`;
}

async function installComponents(
  host: Client,
  environment: Environment,
  addresses: Addresses,
  pki: EnvironmentPki,
): Promise<void> {
  const wait = new Waiter(systemClock, AbortSignal.timeout(30_000));
  await createIfAbsent(host, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: componentNamespace } });
  for (const secret of componentSecrets(pki)) await put(host, secret, wait);
  await createIfAbsent(host, apiServerService(addresses.apiServerIp));
  // Who edited a Deployment keeps the edit: only what is missing is made.
  for (const deployment of componentDeployments(environment.hostHome)) await createIfAbsent(host, deployment);
}

/** Tried again: a controller may write the object meanwhile. */
async function put(client: Client, object: KubeObject, wait: Waiter): Promise<void> {
  await wait.until(
    `${object.kind} ${object.metadata.name}`,
    () => undefined,
    () => createOrUpdate(client, object),
  );
}

async function componentsAvailable(host: Client): Promise<void> {
  const list = await host.resource<Deployment>(deployments).list({ namespace: componentNamespace });
  const missing = list.items
    .filter((deployment) => !isAvailable(deployment))
    .map((deployment) => deployment.metadata.name);
  if (missing.length > 0) throw new Error(`not ready: ${missing.join(', ')}`);
}

export function isAvailable(deployment: Deployment): boolean {
  const { metadata, spec, status } = deployment;
  const wanted = spec?.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted
  );
}

async function membersReady(karmada: Client): Promise<void> {
  const list = await karmada.resource<Cluster>(clusterType).list();
  const missing = memberNames.filter(
    (name) => !list.items.some((cluster) => cluster.metadata.name === name && isReady(cluster)),
  );
  if (missing.length > 0) throw new Error(`not ready: ${missing.join(', ')}`);
}

export function isReady(cluster: Cluster): boolean {
  return (
    cluster.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
  );
}
