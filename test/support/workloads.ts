/** What must not change in a cluster that is taken over, and the objects of the migration example. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubectlFor } from './local-environment.ts';
import { projectRoot } from './local-environment.ts';

export interface Item {
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    generation?: number;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
}

export interface ConditionHolder {
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

export function condition(holder: ConditionHolder, type: string) {
  return holder.status?.conditions?.find((entry) => entry.type === type);
}

export const example = (file: string) => join(projectRoot, 'examples/seamless-migration', file);

/** The same nodePort cannot be given twice in a cluster: variants in a namespace of their own leave it to the cluster. */
export const manifestsWithoutNodePort = () =>
  readFileSync(example('deployments-and-services.yaml'), 'utf8').replace(/^\s*nodePort:.*\n/gm, '');

/** Identity and run-time facts of all Deployments, ReplicaSets, Pods and Services, in an order of their own. */
export async function workloads({ object }: KubectlFor, context: string, namespace: string) {
  const list = await object<{ items: Item[] }>(`--context ${context} -n ${namespace} get deploy,rs,pod,svc`);
  return list.items
    .filter((item) => item.metadata.name !== 'kubernetes')
    .map((item) => {
      const base = { kind: item.kind, name: item.metadata.name, uid: item.metadata.uid };
      switch (item.kind) {
        case 'Pod':
          return {
            ...base,
            podIP: item.status['podIP'],
            startTime: item.status['startTime'],
            containers: item.status['containerStatuses'],
          };
        case 'Service':
          return { ...base, clusterIP: item.spec['clusterIP'], ports: item.spec['ports'] };
        case 'Deployment':
          // Not the generation: a real API server moves it when annotations change, because Deployments copy theirs to
          // ReplicaSets. What decides over a rollout is the spec.
          return { ...base, spec: item.spec };
        default:
          return { ...base, generation: item.metadata.generation };
      }
    })
    .sort((a, b) => `${a.kind}/${a.name}`.localeCompare(`${b.kind}/${b.name}`));
}

export async function rolledOut({ kubectl }: KubectlFor, context: string, namespace: string): Promise<void> {
  for (const name of ['nginx-deploy', 'hello-deploy']) {
    await kubectl(`--context ${context} -n ${namespace} rollout status deploy/${name} --timeout=60s`);
  }
}

/** The example runs in member1 and its manifests are templates on the control plane; no policy yet. */
export async function startVariant(cli: KubectlFor, namespace: string): Promise<void> {
  await cli.kubectl(`--context member1 create namespace ${namespace}`);
  await cli.kubectl(`--context member1 -n ${namespace} apply -f -`, { input: manifestsWithoutNodePort() });
  await rolledOut(cli, 'member1', namespace);
  await cli.kubectl(`--context karmada-apiserver create namespace ${namespace}`);
  await cli.kubectl(`--context karmada-apiserver -n ${namespace} apply -f -`, { input: manifestsWithoutNodePort() });
}

/** Fails unless all of the example is taken over in member1, and its status has come back. */
export async function fullyMigrated({ object }: KubectlFor, namespace: string): Promise<void> {
  const bindings = await object<{ items: (Item & ConditionHolder)[] }>(
    `--context karmada-apiserver -n ${namespace} get rb`,
  );
  const applied = bindings.items.filter((binding) => condition(binding, 'FullyApplied')?.status === 'True');
  if (applied.length !== 4) throw new Error(`${applied.length} of 4 bindings are fully applied`);
  for (const name of ['nginx-deploy', 'hello-deploy']) {
    const taken = await object<Item>(`--context member1 -n ${namespace} get deploy ${name}`);
    if (taken.metadata.labels?.['karmada.io/managed'] !== 'true') throw new Error(`${name} is not taken over`);
    const template = await object<Item>(`--context karmada-apiserver -n ${namespace} get deploy ${name}`);
    if (template.status['readyReplicas'] !== 2) throw new Error(`the status of ${name} is not back`);
  }
}
