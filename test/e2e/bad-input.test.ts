/** Wrong input gets the answer of a real cluster, through kubectl: the field is named and nothing is written. */
import { describe, expect, inject, it } from 'vitest';
import { kubectlFor, localEnvironment } from '../support/local-environment.ts';

const environment = localEnvironment(inject('home'));
const { kubectl, raw, object } = kubectlFor(environment.env);

const deployment = (extra: { spec?: string; labels?: string; replicas?: string } = {}) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad}
spec:
  replicas: ${extra.replicas ?? '1'}
  ${extra.spec ?? ''}
  selector: {matchLabels: {app: bad}}
  template:
    metadata: {labels: ${extra.labels ?? '{app: bad}'}}
    spec: {containers: [{name: c, image: nginx}]}
`;

const service = (name: string, nodePort: number) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {type: NodePort, selector: {app: x}, ports: [{port: 80, nodePort: ${nodePort}}]}
`;

const policy = (spec: string) => `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: bad}
spec: ${spec}
`;

async function refused(context: string, input: string): Promise<string> {
  const result = await raw(['--context', context, 'apply', '-f', '-'], { input });
  expect(result.code).toBe(1);
  expect(result.stdout).toBe('');
  return result.stderr;
}

for (const context of ['member1', 'karmada-apiserver']) {
  describe(`${context} refuses`, () => {
    it('an unknown field', async () => {
      expect(await refused(context, deployment({ spec: 'replicsa: 2' }))).toContain(
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicsa"',
      );
    });

    it('a field of the wrong type', async () => {
      expect(await refused(context, deployment({ replicas: 'two' }))).toContain(
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
      );
    });

    it('a Deployment whose selector does not match its template', async () => {
      expect(await refused(context, deployment({ labels: '{app: other}' }))).toBe(
        'The Deployment "bad" is invalid: spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`\n',
      );
    });
  });
}

describe('member1', () => {
  it('refuses a nodePort that is taken, or out of range', async () => {
    await kubectl('--context member1 apply -f -', { input: service('taken', 30999) });
    expect(await refused('member1', service('taker', 30999))).toBe(
      'The Service "taker" is invalid: spec.ports[0].nodePort: Invalid value: 30999: provided port is already allocated\n',
    );
    expect(await refused('member1', service('taker', 80))).toBe(
      'The Service "taker" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767\n',
    );
    await kubectl('--context member1 delete service taken');
  });

  it('refuses a write with an older resourceVersion', async () => {
    await kubectl('--context member1 create configmap stale --from-literal=a=1');
    const old = await object<Record<string, unknown>>('--context member1 get configmap stale');
    await kubectl('--context member1 label configmap stale changed=yes');
    const result = await raw(['--context', 'member1', 'replace', '-f', '-'], {
      input: JSON.stringify({ ...old, data: { a: '2' } }),
    });
    expect(result.code).toBe(1);
    expect(result.stderr).toBe(
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again\n',
    );
    await kubectl('--context member1 delete configmap stale');
  });
});

describe('the control plane refuses a policy', () => {
  it('without resource selectors', async () => {
    expect(await refused('karmada-apiserver', policy('{placement: {}}'))).toContain(
      'spec.resourceSelectors: Required value',
    );
  });

  it('that preempts without naming what', async () => {
    expect(
      await refused(
        'karmada-apiserver',
        policy('{preemption: Always, resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}], placement: {}}'),
      ),
    ).toMatch(/preemption/);
  });

  it('that selects in another namespace', async () => {
    expect(
      await refused(
        'karmada-apiserver',
        policy('{resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, namespace: other}], placement: {}}'),
      ),
    ).toMatch(/resourceSelectors\[0\].namespace/);
  });

  it('with a value that the schema does not know', async () => {
    expect(
      await refused(
        'karmada-apiserver',
        policy('{conflictResolution: Maybe, resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]}'),
      ),
    ).toContain('spec.conflictResolution: Unsupported value: "Maybe": supported values: "Abort", "Overwrite"');
  });
});

describe('someone without rights', () => {
  it('is told what he may not do', async () => {
    await kubectl('--context karmada-apiserver create serviceaccount nobody');
    const token = (await kubectl('--context karmada-apiserver create token nobody')).trim();
    const alone = await raw([
      '--kubeconfig',
      '/dev/null',
      '--server',
      await serverOf('karmada-apiserver'),
      '--insecure-skip-tls-verify',
      '--token',
      token,
      'get',
      'secrets',
    ]);
    expect(alone.stderr).toBe(
      'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:nobody" cannot list resource "secrets" in API group "" in the namespace "default"\n',
    );
    await kubectl('--context karmada-apiserver delete serviceaccount nobody');
  });
});

async function serverOf(context: string): Promise<string> {
  return (await kubectl(`config view -o jsonpath={.clusters[?(@.name=="${context}")].cluster.server}`)).trim();
}
