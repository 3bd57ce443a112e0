import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createClient } from '../../client/client.ts';
import type { Transport, TransportRequest } from '../../client/transport.ts';
import { featureGates } from '../../component/feature-gates.ts';
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
    expect(stdout.split('\n').filter((line) => !line.includes('decided'))).toEqual([
      'default/nginx-deployment: would be placed on m1 2, m3 2',
      '  was      none',
      '  because  it was not scheduled before',
      '',
      'CLUSTER  REPLICAS  SCORE  FITS  WHY',
      'm1       2         0      30    2 of 4 more, room 30 of 50',
      'm3       2         0      20    2 of 4 more, room 20 of 50',
      'm2       -         0      10    at most 2 clusters (spreadConstraints), others come first',
      '',
      'DynamicWeight: 4 more, shared out by room, equal claims go to the smaller name; what was placed stays',
      '',
    ]);
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
    expect((await whatIf('-f', rules)).stdout).toContain('would be placed on m1 4\n');
    expect((await whatIf('-f', rules, '--plugin-modules', module)).stdout).toContain('would be placed on m2 4\n');
    expect((await whatIf('-f', rules, '--plugin-modules', module, '--plugins', '*,-PreferCheap')).stdout).toContain(
      'would be placed on m1 4\n',
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
    expect(stdout.split('\n')).toEqual([
      '1 of 2 would be placed otherwise (-o wide tells all about each)',
      '',
      'BINDING                   IS ON  WOULD BE ON  BECAUSE',
      'default/nginx-deployment  none   m3 4         it was not scheduled before',
      'default/web-deployment    none   the same     0/3 clusters are available: 3 cluster(s) did not match the placement cluster affinity constraint.',
      '',
    ]);
  });

  it.each([
    [['--local'], '--local needs files'],
    [['--local', 'nginx', '-f', 'x'], 'bindings cannot be named with --local'],
    [['-o', 'name', '--local', '-f', 'x'], 'unable to match a printer suitable for the output format "name"'],
  ])('%j is refused', async (argv, message) => {
    const { code, stderr } = await karmadactl('schedule-what-if', ...argv);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  it('fills in what the API server would: a strategy without type divides', async () => {
    const placement = { replicaScheduling: { replicaDivisionPreference: 'Weighted' } };
    expect((await whatIf('-f', file('policy.json', policy(placement)))).stdout).toContain('m1 2, m2 1, m3 1\n');
  });

  it('says when nothing asks for a decision, and what a reschedule would do', async () => {
    const placement = {
      replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' },
    };
    const binding = {
      apiVersion: 'work.karmada.io/v1alpha2',
      kind: 'ResourceBinding',
      metadata: {
        name: 'web-deployment',
        annotations: { 'policy.karmada.io/applied-placement': JSON.stringify(placement) },
      },
      spec: {
        resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        placement,
        replicas: 4,
        clusters: [{ name: 'm2', replicas: 4 }],
      },
      status: { lastScheduledTime: '2026-01-01T00:00:00Z' },
    };
    const local = (...argv: string[]) =>
      karmadactl('schedule-what-if', '--local', '-f', clusters, '-f', file('binding.json', binding), ...argv);
    expect((await local()).stdout).toMatch(/^default\/web-deployment: stays on m2 4\n/);
    expect((await local('--reschedule')).stdout).toMatch(/^default\/web-deployment: would be placed on m1 4\n/);
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
      gates: featureGates(),
      signal: new AbortController().signal,
    });
    expect(new Set(methods)).toEqual(new Set(['GET']));
  });
});
