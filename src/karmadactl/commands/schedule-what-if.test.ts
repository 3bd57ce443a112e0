import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createClient } from '../../client/client.ts';
import type { Transport, TransportRequest } from '../../client/transport.ts';
import { runKarmadactl } from '../cli.ts';
import { collectInputs } from './schedule-what-if-inputs.ts';

const folder = mkdtempSync(join(tmpdir(), 'what-if-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, ...objects: object[]): string => {
  const path = join(folder, name);
  writeFileSync(path, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  return path;
};

const cluster = (name: string, region: string, pods: number) => ({
  apiVersion: 'cluster.karmada.io/v1alpha1',
  kind: 'Cluster',
  metadata: { name, labels: { 'example.io/price': String(pods) } },
  spec: { syncMode: 'Push', region },
  status: {
    apiEnablements: [{ groupVersion: 'apps/v1', resources: [{ name: 'deployments', kind: 'Deployment' }] }],
    resourceSummary: { allocatable: { pods: String(pods), cpu: '100' } },
  },
});
const policy = (placement: object, name = 'nginx') => ({
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'PropagationPolicy',
  metadata: { name },
  spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx' }], placement },
});
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'nginx' },
  spec: { replicas: 4, template: { spec: { containers: [{ name: 'nginx', resources: { requests: { cpu: '1' } } }] } } },
};
const clusters = file('clusters.json', cluster('m1', 'a', 30), cluster('m2', 'a', 10), cluster('m3', 'b', 20));
const template = file('deployment.json', deployment);
const byRoom = {
  replicaScheduling: {
    replicaSchedulingType: 'Divided',
    replicaDivisionPreference: 'Weighted',
    weightPreference: { dynamicWeight: 'AvailableReplicas' },
  },
};

async function karmadactl(...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const io = {
    stdout(text: string) {
      stdout += text;
    },
    stderr(text: string) {
      stderr += text;
    },
  };
  const code = await runKarmadactl(argv, io, new AbortController().signal);
  return { code, stdout, stderr };
}
const whatIf = (...argv: string[]) =>
  karmadactl('schedule-what-if', '--local', '-f', clusters, '-f', template, ...argv);

describe('karmadactl schedule-what-if', () => {
  it('tells where templates of files would go, and why', async () => {
    const spread = [{ spreadByField: 'cluster', maxGroups: 2 }];
    const { code, stdout } = await whatIf('-f', file('policy.json', policy({ ...byRoom, spreadConstraints: spread })));
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual([
      'replicas 4, before: none',
      'clusters',
      '  m1  passed  score 0, room 30, general-estimator 30',
      '  m2  passed  score 0, room 10, general-estimator 10',
      '  m3  passed  score 0, room 20, general-estimator 20',
      'selected: m1, m3',
      'DynamicWeight: 4 more by room, ties by name ascending',
      '  m1  30 of 50  0 + 2 = 2',
      '  m3  20 of 50  0 + 2 = 2',
      'placed: m1 2, m3 2',
      '',
    ]);
    expect(stdout).toContain('default/nginx-deployment');
  });

  it('gives the same to machines', async () => {
    const rules = file('policy.json', policy(byRoom));
    const json = JSON.parse((await whatIf('-f', rules, '-o', 'json')).stdout);
    expect(json.items).toMatchObject([{ binding: 'default/nginx-deployment', cause: 'WhatIf', replicas: 4 }]);
    expect((await whatIf('-f', rules, '-o', 'yaml')).stdout).toContain('binding: default/nginx-deployment');
  });

  it('takes plugins as the scheduler does', async () => {
    const module = fileURLToPath(new URL('../../../examples/scheduler-plugins/prefer-cheap.mjs', import.meta.url));
    const rules = file('policy.json', policy({ spreadConstraints: [{ spreadByField: 'cluster', maxGroups: 1 }] }));
    expect((await whatIf('-f', rules)).stdout).toContain('placed: m1 4');
    expect((await whatIf('-f', rules, '--plugin-modules', module)).stdout).toContain('placed: m2 4');
    expect((await whatIf('-f', rules, '--plugin-modules', module, '--plugins', '*,-PreferCheap')).stdout).toContain(
      'placed: m1 4',
    );
  });

  it('takes the policy with the highest priority, and bindings as they are', async () => {
    const other = policy({ clusterAffinity: { clusterNames: ['m3'] } }, 'other');
    const important = { ...other, spec: { ...other.spec, priority: 7 } };
    const binding = {
      apiVersion: 'work.karmada.io/v1alpha2',
      kind: 'ResourceBinding',
      metadata: { name: 'web-deployment' },
      spec: {
        resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        replicas: 2,
        placement: { clusterAffinity: { clusterNames: ['nowhere'] } },
      },
    };
    const { stdout } = await whatIf('-f', file('policy.json', policy(byRoom), important, binding));
    expect(stdout).toContain('placed: m3 4');
    expect(stdout).toContain('not placed: 0/3 clusters are available: 3 cluster(s) did not match');
  });

  it.each([
    [['--local'], '--local needs files'],
    [['--local', 'nginx', '-f', 'x'], 'bindings cannot be named with --local'],
    [['-o', 'wide', '--local', '-f', 'x'], 'unable to match a printer suitable for the output format "wide"'],
  ])('%j is refused', async (argv, message) => {
    const { code, stderr } = await karmadactl('schedule-what-if', ...argv);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  it('refuses a policy that admission would refuse', async () => {
    const { code, stderr } = await whatIf(
      '-f',
      file('policy.json', policy({ spreadConstraints: [{ minGroups: 3, maxGroups: 1 }] })),
    );
    expect(code).toBe(1);
    expect(stderr).toContain('PropagationPolicy nginx is not valid');
  });
});

describe('collectInputs', () => {
  it('asks only to read', async () => {
    const methods: string[] = [];
    const transport: Transport = {
      request(request: TransportRequest) {
        methods.push(request.method);
        const body = {
          kind: 'List',
          apiVersion: 'v1',
          metadata: {},
          items: [],
          groups: [],
          versions: [],
          resources: [],
        };
        return Promise.resolve({
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: (async function* () {
            yield Buffer.from(JSON.stringify(body));
          })(),
        });
      },
    } as unknown as Transport;
    await collectInputs([], {
      client: createClient(transport),
      namespace: 'default',
      names: ['nginx-deployment'],
      allNamespaces: false,
      signal: new AbortController().signal,
    });
    expect(new Set(methods)).toEqual(new Set(['GET']));
  });
});
