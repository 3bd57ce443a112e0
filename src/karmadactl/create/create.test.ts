import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runKarmadactl } from '../cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'create-'));
  writeFileSync(join(folder, 'app.env'), '# a comment\nA=1\nB=x=y\n');
  writeFileSync(join(folder, 'bytes'), Buffer.from([0xff, 0x00]));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function create(line: string): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = {
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
  };
  const words = (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'|'$/g, '').replace('@', `${folder}/`));
  const code = await runKarmadactl(['create', ...words], io, new AbortController().signal);
  return { code, out, err };
}

/** As kubectl 1.35 prints them, but for the kind of quotes around schedules. */
const made: [string, string][] = [
  [
    'deployment web --image=nginx --replicas=3 --port=80',
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: web\n  name: web\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: web\n  strategy: {}\n  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n      - image: nginx\n        name: nginx\n        ports:\n        - containerPort: 80\n        resources: {}\nstatus: {}\n',
  ],
  ['namespace x', 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\nspec: {}\nstatus: {}\n'],
  ['configmap c --from-literal=a=b', 'apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  name: c\n'],
  [
    'configmap c --from-env-file=@app.env',
    'apiVersion: v1\ndata:\n  A: "1"\n  B: x=y\nkind: ConfigMap\nmetadata:\n  name: c\n',
  ],
  [
    'configmap c --from-file=k=@bytes',
    'apiVersion: v1\nbinaryData:\n  k: /wA=\nkind: ConfigMap\nmetadata:\n  name: c\n',
  ],
  ['secret generic s --from-literal=a=b', 'apiVersion: v1\ndata:\n  a: Yg==\nkind: Secret\nmetadata:\n  name: s\n'],
  [
    'secret docker-registry d --docker-username=u --docker-password=p --docker-server=s --docker-email=e',
    'apiVersion: v1\ndata:\n  .dockerconfigjson: eyJhdXRocyI6eyJzIjp7InVzZXJuYW1lIjoidSIsInBhc3N3b3JkIjoicCIsImVtYWlsIjoiZSIsImF1dGgiOiJkVHB3In19fQ==\nkind: Secret\nmetadata:\n  name: d\ntype: kubernetes.io/dockerconfigjson\n',
  ],
  [
    'service clusterip web --tcp=80:8080',
    'apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    app: web\n  name: web\nspec:\n  ports:\n  - name: 80-8080\n    port: 80\n    protocol: TCP\n    targetPort: 8080\n  selector:\n    app: web\n  type: ClusterIP\nstatus:\n  loadBalancer: {}\n',
  ],
  [
    'service nodeport np --tcp=80 --node-port=30080',
    'apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    app: np\n  name: np\nspec:\n  ports:\n  - name: "80"\n    nodePort: 30080\n    port: 80\n    protocol: TCP\n    targetPort: 80\n  selector:\n    app: np\n  type: NodePort\nstatus:\n  loadBalancer: {}\n',
  ],
  [
    'service externalname e --external-name=x.example',
    'apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n    app: e\n  name: e\nspec:\n  externalName: x.example\n  selector:\n    app: e\n  type: ExternalName\nstatus:\n  loadBalancer: {}\n',
  ],
  ['serviceaccount sa -n ns', 'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: sa\n  namespace: ns\n'],
  [
    'quota q --hard=cpu=1,pods=2',
    'apiVersion: v1\nkind: ResourceQuota\nmetadata:\n  name: q\nspec:\n  hard:\n    cpu: "1"\n    pods: "2"\nstatus: {}\n',
  ],
  [
    'poddisruptionbudget p --selector=app=web --min-available=1',
    'apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: p\nspec:\n  minAvailable: 1\n  selector:\n    matchLabels:\n      app: web\nstatus:\n  currentHealthy: 0\n  desiredHealthy: 0\n  disruptionsAllowed: 0\n  expectedPods: 0\n',
  ],
  [
    'priorityclass pc --value=1000',
    'apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata:\n  name: pc\npreemptionPolicy: PreemptLowerPriority\nvalue: 1000\n',
  ],
  [
    'rolebinding rb --clusterrole=view --user=a --serviceaccount=ns:sa',
    'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: rb\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: view\nsubjects:\n- apiGroup: rbac.authorization.k8s.io\n  kind: User\n  name: a\n- kind: ServiceAccount\n  name: sa\n  namespace: ns\n',
  ],
  [
    'ingress i --rule=a.example/p=web:80',
    'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i\nspec:\n  rules:\n  - host: a.example\n    http:\n      paths:\n      - backend:\n          service:\n            name: web\n            port:\n              number: 80\n        path: /p\n        pathType: Exact\nstatus:\n  loadBalancer: {}\n',
  ],
  [
    "job j --image=busybox -- echo 'hi there'",
    'apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\nspec:\n  template:\n    metadata: {}\n    spec:\n      containers:\n      - command:\n        - echo\n        - hi there\n        image: busybox\n        name: j\n        resources: {}\n      restartPolicy: Never\nstatus: {}\n',
  ],
  [
    "cronjob cj --image=busybox '--schedule=*/5 * * * *'",
    'apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: cj\nspec:\n  jobTemplate:\n    metadata:\n      name: cj\n    spec:\n      template:\n        metadata: {}\n        spec:\n          containers:\n          - image: busybox\n            name: cj\n            resources: {}\n          restartPolicy: OnFailure\n  schedule: "*/5 * * * *"\nstatus: {}\n',
  ],
];

const refused: [string, string][] = [
  ['deployment web', 'error: required flag(s) "image" not set\n'],
  [
    'namespace',
    "error: exactly one NAME is required, got 0\nSee 'karmadactl create namespace -h' for help and examples\n",
  ],
  ['job j', 'error: either --image or --from must be specified\n'],
  ['rolebinding rb', 'error: exactly one of clusterrole or role must be specified\n'],
  ['configmap c --from-literal=novalue', 'error: invalid literal source novalue, expected key=value\n'],
  ['configmap c --from-file=@none', 'error: error reading '],
  ['things x', "error: Unexpected args: [things x]\nSee 'karmadactl create -h' for help and examples\n"],
  ['-k folder -f file', 'error: only one of -f or -k can be specified\n'],
  ['-k folder -R', "error: the -k flag can't be used with -f or -R\n"],
  ['--raw a -f none', 'error: '],
  ['--raw /a -f x -f y', 'error: --raw can only use a single local file or stdin\n'],
  ['--raw /a -f x -o name', 'error: --raw and --output are mutually exclusive\n'],
  ['--raw /a -f x --edit', 'error: --raw and --edit are mutually exclusive\n'],
  ['token a --bound-object-kind=Foo', 'error: supported --bound-object-kind values are Node, Pod, Secret\n'],
  ['token a --bound-object-name=x', 'error: --bound-object-name can only be set if --bound-object-kind is provided\n'],
  [
    'deployment web --image=a --dry-run=maybe',
    'error: Invalid dry-run value (maybe). Must be "none", "server", or "client".\n',
  ],
];

describe('create without a server', () => {
  it.each(made)('%s', async (line, yaml) => {
    const [before = '', after] = line.split(' -- ');
    const flags = `${before} --dry-run=client -o yaml${after === undefined ? '' : ` -- ${after}`}`;
    expect(await create(flags)).toEqual({ code: 0, out: yaml, err: '' });
  });

  // What kubectl names them.
  it.each([
    ['cm h --from-literal=a=b', 'configmap/h-tgm746dk2t\n'],
    ['cm h', 'configmap/h-9927b88h56\n'],
    ['secret generic h --from-literal=a=b', 'secret/h-d5ctf29272\n'],
  ])('%s --append-hash', async (line, out) => {
    expect((await create(`${line} --append-hash --dry-run=client -o name`)).out).toBe(out);
  });

  it('says what it would make', async () => {
    expect((await create('deployment web --image=a --dry-run=client')).out).toBe(
      'deployment.apps/web created (dry run)\n',
    );
  });

  it.each(refused)('refuses %s', async (line, error) => {
    const { code, err } = await create(line);
    expect(code).toBe(1);
    expect(err.startsWith(error)).toBe(true);
  });
});
