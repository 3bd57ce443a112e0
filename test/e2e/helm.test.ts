/** helm as a user runs it: its releases are applied on the server, in a member cluster and on the control plane. */
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { run, toolPath } from '../support/kubectl.ts';
import { kubectlFor, localEnvironment, projectRoot } from '../support/local-environment.ts';

const environment = localEnvironment(inject('home'));
const { object, raw } = kubectlFor(environment.env);
const chart = join(projectRoot, 'test/fixtures/charts/web');

async function helm(context: string, args: string): Promise<string> {
  const result = await run(toolPath('helm'), ['--kube-context', context, ...args.split(' ')], { env: environment.env });
  if (result.code !== 0) throw new Error(`helm ${args}\nexit code ${result.code}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

interface Deployed {
  metadata: { managedFields?: { manager: string; operation: string }[] };
  spec: { replicas: number };
  status?: { readyReplicas?: number };
}

const releases = 'releases';
/** Replicas in two clusters: what helm waits for on the control plane is what they report. */
const spread = `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: releases, namespace: ${releases}}
spec:
  resourceSelectors:
    - {apiVersion: apps/v1, kind: Deployment}
    - {apiVersion: v1, kind: Service}
    - {apiVersion: v1, kind: ConfigMap}
  placement:
    clusterAffinity: {clusterNames: [member2, member3]}
    replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Weighted}
`;

for (const context of ['member1', 'karmada-apiserver']) {
  describe(`a release on ${context}`, () => {
    const name = 'shop';
    const wait = ' --wait --timeout 60s';
    const namespace = `--namespace ${releases}`;
    const deployment = () =>
      object<Deployed>(`--context ${context} ${namespace} get deployment ${name} --show-managed-fields`);

    beforeAll(async () => {
      await raw(['--context', context, 'create', 'namespace', releases]);
      if (context !== 'karmada-apiserver') return;
      const applied = await raw(['--context', context, 'apply', '-f', '-'], { input: spread });
      expect(applied.stderr).toBe('');
    });

    it('is installed, upgraded, rolled back and uninstalled', async () => {
      expect(await helm(context, `${namespace} install ${name} ${chart}${wait}`)).toContain('STATUS: deployed');
      const installed = await deployment();
      expect(installed.metadata.managedFields).toContainEqual(
        expect.objectContaining({ manager: 'helm', operation: 'Apply' }),
      );
      expect(installed.status?.readyReplicas).toBe(1);

      await helm(context, `${namespace} upgrade ${name} ${chart} --set replicas=2 --set greeting=bye${wait}`);
      const upgraded = await deployment();
      expect(upgraded.spec.replicas).toBe(2);
      expect(upgraded.status?.readyReplicas).toBe(2);
      const config = await object<{ data: unknown }>(`--context ${context} ${namespace} get configmap ${name}`);
      expect(config.data).toEqual({ greeting: 'bye' });

      await helm(context, `${namespace} rollback ${name} 1${wait}`);
      expect((await deployment()).spec.replicas).toBe(1);
      const history = JSON.parse(await helm(context, `${namespace} history ${name} -o json`)) as { status: string }[];
      expect(history.map(({ status }) => status)).toEqual(['superseded', 'superseded', 'deployed']);

      await helm(context, `${namespace} uninstall ${name}${wait}`);
      const gone = await raw(['--context', context, '-n', releases, 'get', 'deployment,service,configmap', name]);
      expect(gone.stderr.match(/\(NotFound\)/g)).toHaveLength(3);
    });

    it('that somebody else changed is not overwritten unnoticed', async () => {
      await helm(context, `install owned ${chart}`);
      await raw(['--context', context, 'scale', 'deployment', 'owned', '--replicas=3']);
      await expect(helm(context, `upgrade owned ${chart} --set replicas=2`)).rejects.toThrow(
        'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
      );
      await helm(context, `upgrade owned ${chart} --set replicas=2 --force-conflicts`);
      const { spec } = await object<Deployed>(`--context ${context} get deployment owned`);
      expect(spec.replicas).toBe(2);
      await helm(context, 'uninstall owned');
    });
  });
}

const policy = (clusters: string) => `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: applied}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: nothing-of-that-name, namespace: default}]
  placement: {clusterAffinity: {clusterNames: [${clusters}]}}
`;

describe('kubectl apply --server-side of a custom resource', () => {
  const kubectl = (args: string, input: string) =>
    raw(['--context', 'karmada-apiserver', ...args.split(' '), '-f', '-'], { input });

  it('merges by its schema, tells conflicts, and shows what would change', async () => {
    const created = await kubectl('apply --server-side', policy('member1'));
    expect(created.stdout).toBe('propagationpolicy.policy.karmada.io/applied serverside-applied\n');
    expect((await kubectl('diff --server-side', policy('member1'))).code).toBe(0);
    const differs = await kubectl('diff --server-side', policy('member2'));
    expect(differs.code).toBe(1);
    expect(differs.stdout).toContain('+      - member2');
    const refused = await kubectl('apply --server-side --field-manager=other', policy('member2'));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl": .spec.placement.clusterAffinity.clusterNames',
    );
    const forced = await kubectl('apply --server-side --field-manager=other --force-conflicts', policy('member2'));
    expect(forced.code).toBe(0);
    await kubectl('delete', policy('member2'));
  });

  it('takes over what was applied on the client', async () => {
    await kubectl('apply', policy('member1'));
    expect((await kubectl('apply --server-side', policy('member2'))).code).toBe(0);
    const { metadata } = await object<Deployed>(
      '--context karmada-apiserver get propagationpolicy applied --show-managed-fields',
    );
    expect(metadata.managedFields?.map(({ manager }) => manager)).not.toContain('kubectl-client-side-apply');
    await kubectl('delete', policy('member2'));
  });
});
