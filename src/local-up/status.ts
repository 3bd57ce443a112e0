/** `karmada local status`: what should run, what does, and whether it is ready. */
import { existsSync } from 'node:fs';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../apis/resource-types.ts';
import type { Client } from '../client/client.ts';
import { componentNamespace } from '../installation/control-plane-objects.ts';
import { deployments } from '../kubernetes/resource-types.ts';
import type { Deployment } from '../kubernetes/types.ts';
import { clientFromFile } from './clients.ts';
import { clusterNames, type Environment, environmentExists, hostName } from './environment.ts';
import { runningSupervisor } from './supervisor.ts';
import { isAvailable, isReady } from './up.ts';

export interface StatusRow {
  what: string;
  ready: boolean;
  detail: string;
}

/** One row for the supervisor, each cluster, each component and each member; in that order. Asks at most 3 s each. */
export async function localStatus(environment: Environment): Promise<StatusRow[]> {
  const supervisor = runningSupervisor(environment);
  const rows: StatusRow[] = [
    {
      what: 'supervisor',
      ready: supervisor !== undefined,
      detail: supervisor
        ? `process ${supervisor.pid}`
        : environmentExists(environment)
          ? 'not running'
          : 'never started',
    },
  ];
  if (supervisor === undefined) return rows;
  rows.push(
    ...(
      await Promise.all(
        clusterNames.map((name) =>
          ask(`cluster ${name}`, environment.clusterKubeconfig(name), (client) => health(client)),
        ),
      )
    ).flat(),
  );
  rows.push(...(await ask('components', environment.clusterKubeconfig(hostName), componentRows)));
  rows.push(...(await ask('members', environment.mainKubeconfig, memberRows, 'karmada-apiserver')));
  return rows;
}

async function ask(
  what: string,
  kubeconfig: string,
  question: (client: Client, signal: AbortSignal) => Promise<Omit<StatusRow, 'what'>[] | StatusRow[]>,
  context?: string,
): Promise<StatusRow[]> {
  if (!existsSync(kubeconfig)) return [{ what, ready: false, detail: `${kubeconfig} is not there` }];
  const client = clientFromFile(kubeconfig, context);
  try {
    return (await question(client, AbortSignal.timeout(3000))).map((row) => ({ what, ...row }));
  } catch (error) {
    return [{ what, ready: false, detail: error instanceof Error ? error.message : String(error) }];
  } finally {
    await client.close();
  }
}

async function health(client: Client): Promise<Omit<StatusRow, 'what'>[]> {
  await client.text('/readyz', { signal: AbortSignal.timeout(3000) });
  return [{ ready: true, detail: 'answers' }];
}

async function componentRows(client: Client, signal: AbortSignal): Promise<StatusRow[]> {
  const list = await client.resource<Deployment>(deployments).list({ namespace: componentNamespace, signal });
  return list.items.map((deployment) => ({
    what: `component ${deployment.metadata.name}`,
    ready: isAvailable(deployment),
    detail: `${deployment.status?.availableReplicas ?? 0}/${deployment.spec?.replicas ?? 1} available`,
  }));
}

async function memberRows(client: Client, signal: AbortSignal): Promise<StatusRow[]> {
  const list = await client.resource<Cluster>(clusters).list({ signal });
  return list.items.map((cluster) => {
    const ready = cluster.status?.conditions?.find((condition) => condition.type === 'Ready');
    return {
      what: `member ${cluster.metadata.name}`,
      ready: isReady(cluster),
      detail: ready?.message ?? 'no status yet',
    };
  });
}
