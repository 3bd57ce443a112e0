import { request } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import { bindingManagedByLabel } from '../../apis/constants.ts';
import type { Placement } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../../client/client.ts';
import { createGeneralEstimator } from '../estimation/general-estimator.ts';
import { binding, cluster, clusters, defaultRun, roomOf, targets } from '../fixtures.test-support.ts';
import { planPlacement } from '../plan.ts';
import type { Cluster } from '../types.ts';
import { createDecisionLog, type DecisionEntry, decisionEntry } from './decision-log.ts';
import { decisionText, outcomeText } from './decision-text.ts';
import { type DecisionsServer, serveDecisions } from './decisions-server.ts';
import { nextSteps } from './next-steps.ts';
import { asItIsNow, whatWouldBe } from './what-if.ts';

const whatIf = { cause: 'WhatIf', because: 'somebody asks' } as const;

function sample(): DecisionEntry {
  const object = binding({
    replicas: 6,
    clusters: targets('m1 2'),
    placement: {
      clusterAffinity: { exclude: ['m3'] },
      replicaScheduling: {
        replicaSchedulingType: 'Divided',
        replicaDivisionPreference: 'Weighted',
        weightPreference: { dynamicWeight: 'AvailableReplicas' },
      },
    },
  });
  const tainted = cluster('m4', { taints: [{ key: 'k', effect: 'NoSchedule' }] });
  const estimators = [roomOf({ m1: 1, m2: 9 })];
  const plan = planPlacement(object, [...clusters(3), tainted], { ...defaultRun, estimators }, true);
  return decisionEntry(
    object,
    { cause: 'ScaleSchedule', because: 'the replicas changed: 2 placed, 6 wanted' },
    plan,
    Date.parse('2026-01-01T00:00:00Z'),
  );
}

describe('a decision', () => {
  it('tells verdicts, scores, estimates, the division and the result', () => {
    expect(decisionText(sample())).toBe(`default/nginx-deployment: placed on m1 2, m2 4
  was      m1 2
  because  the replicas changed: 2 placed, 6 wanted
  decided  2026-01-01T00:00:00Z, generation 1, ScaleSchedule

CLUSTER  REPLICAS  SCORE  FITS  WHY
m1       2         100    1     2 stay, 0 of 4 more, room 1 of 10
m2       4         0      9     4 of 4 more, room 9 of 10
m3       -                      ClusterAffinity: cluster(s) did not match the placement cluster affinity constraint
m4       -                      TaintToleration: cluster(s) had untolerated taint {k:NoSchedule}

DynamicWeight: 4 more, shared out by room, equal claims go to the smaller name; what was placed stays
`);
  });

  it('tells each term of ordered affinities, and regions', () => {
    const object = binding({
      replicas: 2,
      placement: {
        clusterAffinities: [
          { affinityName: 'a', clusterNames: ['gone'] },
          { affinityName: 'b', clusterNames: ['m1', 'm2'] },
        ],
        spreadConstraints: [
          { spreadByField: 'region', minGroups: 1, maxGroups: 1 },
          { spreadByField: 'cluster', minGroups: 1, maxGroups: 1 },
        ],
      },
    });
    const list = [cluster('m1', { region: 'r1' }), cluster('m2', { region: 'r2' })];
    const text = decisionText(decisionEntry(object, whatIf, planPlacement(object, list, defaultRun, true), 0));
    expect(text.split('\n').slice(5)).toEqual([
      'affinity a: 0/2 clusters are available: 2 cluster(s) did not match the placement cluster affinity constraint.',
      'CLUSTER  REPLICAS  SCORE  FITS  WHY',
      'm1, m2   -                      ClusterAffinity: cluster(s) did not match the placement cluster affinity constraint',
      '',
      'affinity b: placed on m1 2',
      'CLUSTER  REPLICAS  SCORE  FITS  WHY',
      'm1       2         0      2',
      'm2       -         0      2     its region r2 was not chosen',
      '',
      'REGION  CLUSTERS  SCORE  CHOSEN',
      'r1      1         1000   yes',
      'r2      1         1000   no',
      '',
      'Duplicated: 2 for each cluster',
      '',
    ]);
  });

  it('names an estimator that failed', () => {
    const broken = {
      name: 'broken',
      maxReplicas: () => {
        throw new Error('no answer');
      },
    };
    const object = binding({ replicas: 1, placement: {} });
    const plan = planPlacement(object, clusters(1), { ...defaultRun, estimators: [broken] }, true);
    expect(decisionText(decisionEntry(object, whatIf, plan, 0))).toContain(
      '  next     broken was left out: no answer; until it answers, the summaries of the clusters count alone\n',
    );
  });

  const byRoom: Placement = {
    replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference: 'Aggregated' },
  };
  const spread = (minGroups: number, maxGroups: number, field: 'cluster' | 'region' | 'zone' = 'cluster') => ({
    spreadConstraints: [
      { spreadByField: field, minGroups, maxGroups },
      ...(field === 'region' ? [{ spreadByField: 'cluster' as const, minGroups: 4, maxGroups: 4 }] : []),
    ],
  });
  const again = "tried again within seconds, or when the binding or a cluster's labels or spec change";
  const bare = () => ({ ...cluster('m3'), status: {} });
  const tainted = (name: string, spec: Parameters<typeof cluster>[1] = {}) =>
    cluster(name, { taints: [{ key: 'k', effect: 'NoSchedule' }], ...spec });
  it.each<[string, Placement, Cluster[], string, string[]]>([
    [
      'no cluster at all',
      {},
      [],
      'would not be placed: 0/0 clusters are available: no cluster exists.',
      ['there is no cluster: karmadactl join or karmadactl register adds one'],
    ],
    [
      'an affinity that means nobody',
      { clusterAffinity: { clusterNames: ['x'] } },
      [tainted('m1')],
      'would not be placed: 0/1 clusters are available: 1 cluster(s) did not match the placement cluster affinity constraint.',
      ['let the affinity of the placement match a cluster: kubectl get clusters --show-labels'],
    ],
    [
      'clusters that are meant, and others',
      { clusterAffinity: { exclude: ['m2'] } },
      [tainted('m1'), cluster('m2'), bare()],
      'would not be placed: 0/3 clusters are available: 1 cluster(s) did not have the API resource, 1 cluster(s) did not match the placement cluster affinity constraint, 1 cluster(s) had untolerated taint {k:NoSchedule}.',
      [
        'let the placement tolerate the taint (clusterTolerations), or see where it comes from: kubectl describe cluster m1',
        "let m3 serve apps/v1 Deployment, or see what it serves: kubectl get cluster m3 -o jsonpath='{.status.apiEnablements}'",
      ],
    ],
    [
      'too few clusters',
      spread(3, 3),
      clusters(2),
      'would not be placed: failed to select clusters: the number of feasible clusters is less than spreadConstraint.MinGroups',
      ['2 clusters fit, minGroups wants 3: lower it, or see below why others do not', again],
    ],
    [
      'too few regions',
      spread(2, 2, 'region'),
      [cluster('m1', { region: 'a' })],
      'would not be placed: failed to select clusters: the number of feasible region is less than spreadConstraint.MinGroups',
      ['regions that fit: 1, wanted: 2 to 2', again],
    ],
    [
      'too little room in so many clusters',
      { ...byRoom, ...spread(1, 1) },
      [cluster('m1', {}, 3), cluster('m2', {}, 2)],
      'would not be placed: failed to select clusters: no enough resource when selecting 1 clusters',
      ['no single cluster has room for 4 replicas: raise maxGroups, make room, or ask for less', again],
    ],
    [
      'too little room anywhere',
      byRoom,
      [cluster('m1', {}, 1), tainted('m2')],
      'would not be placed: failed to assign replicas: failed to scale up: Clusters available replicas 1 are not enough to schedule.',
      [
        'make room, ask for less (replicas, requests), or let more clusters in: room for more is m1 1',
        "tried again after five minutes, or when the binding or a cluster's labels or spec change",
      ],
    ],
    [
      'zones alone',
      spread(1, 1, 'zone'),
      [cluster('m1', { zones: ['z'] })],
      'would not be placed: failed to select clusters: just support cluster and region spread constraint',
      ['add a spread constraint by cluster or region: by zone and provider alone nothing can be selected', again],
    ],
    [
      'no strategy',
      { replicaScheduling: { replicaSchedulingType: 'Divided' } },
      clusters(1),
      'would not be placed: failed to assign replicas: unsupported replica scheduling strategy, replicaSchedulingType: Divided, replicaDivisionPreference: , please try another scheduling strategy',
      ['set replicaDivisionPreference of the placement to Weighted or Aggregated', again],
    ],
  ])('begins with what came of it and what to do: %s', (_, placement, list, outcome, steps) => {
    const estimators = [createGeneralEstimator(true)];
    const run = { ...defaultRun, estimators };
    const entry = whatWouldBe(binding({ replicas: 4, placement }), list, () => undefined, run, 0);
    expect(outcomeText(entry)).toBe(outcome);
    expect(nextSteps(entry).slice(0, steps.length)).toEqual(steps);
  });

  it('names every filter that refuses, and the scores of plugins', () => {
    const placement = { spreadConstraints: [{ spreadByField: 'region' as const, minGroups: 1, maxGroups: 1 }] };
    const object = binding({ replicas: 1, placement, clusters: targets('m1 1') });
    const list = [cluster('m1', { region: 'a' }), { ...tainted('m2'), status: {} }];
    const [first] = planPlacement(object, list, defaultRun, true).runs;
    expect(first?.clusters).toMatchObject([
      { name: 'm1', score: 100, scores: { ClusterLocality: 100 }, region: 'a' },
      {
        name: 'm2',
        refusedBy: 'APIEnablement',
        alsoRefusedBy: [
          { plugin: 'SpreadConstraint', reason: 'cluster(s) did not have region property' },
          { plugin: 'TaintToleration', reason: 'cluster(s) had untolerated taint {k:NoSchedule}' },
        ],
      },
    ]);
  });

  it('says when it is held back, where it waits, what was refused and what is there by now', () => {
    const entry = sample();
    const object = binding({ replicas: 6, clusters: targets('m1 1') }, { labels: { [bindingManagedByLabel]: 'x' } });
    const now = asItIsNow(entry, object, 'default-scheduler', {
      place: 'backoff',
      until: Date.parse('2026-01-01T00:00:04Z'),
    });
    expect(decisionText(now)).toContain('  now      m1 1 (generation 1)\n');
    const log = createDecisionLog();
    log.record(entry);
    log.refused(entry.binding, new Error('over quota'));
    const refused = asItIsNow(log.get(entry.binding) ?? entry, object, 'default-scheduler', now.waiting);
    expect(outcomeText(refused)).toBe('stays on m1 1: over quota');
    expect(nextSteps(refused).at(-1)).toBe(
      "tried again at 2026-01-01T00:00:04Z, or when the binding or a cluster's labels or spec change",
    );
    const held = (change: Partial<ResourceBinding['spec']>, labels = object.metadata.labels ?? {}) =>
      outcomeText(asItIsNow(entry, binding({ ...object.spec, ...change }, { labels }), 'default-scheduler', undefined));
    expect(held({ suspension: { scheduling: true } })).toBe(
      'stays on m1 1: its scheduling is suspended (spec.suspension.scheduling)',
    );
    expect(held({ schedulerName: 'mine', clusters: [] })).toBe(
      'held back: it is for the scheduler mine, this is default-scheduler',
    );
    expect(held({}, {})).toBe('stays on m1 1: no policy claims it any more (it has none of their labels)');
  });

  it('costs nothing where nobody asks', () => {
    expect(planPlacement(binding({ replicas: 1, placement: {} }), clusters(1), defaultRun).runs).toEqual([]);
  });
});

describe('the log of decisions', () => {
  it('keeps the last of each binding, forgets the oldest beyond its bound, and always keeps one', () => {
    const log = createDecisionLog(30);
    const record = (name: string, count: number): void => {
      const object = binding({ replicas: 1, placement: {} }, { name });
      log.record(decisionEntry(object, whatIf, planPlacement(object, clusters(count), defaultRun, true), 0));
    };
    record('a', 6);
    record('a', 6);
    record('b', 6);
    record('c', 6);
    expect(log.size).toBe(3);
    record('d', 6);
    expect(log.get('default/a')).toBeUndefined();
    expect(log.get('default/d')?.targets).toHaveLength(6);
    record('huge', 100);
    expect([log.size, log.get('default/huge')?.runs[0]?.clusters.length]).toEqual([1, 100]);
    log.forget('default/huge');
    expect(log.size).toBe(0);
  });
});

describe('the decisions server', () => {
  let server: DecisionsServer | undefined;
  afterEach(async () => {
    await server?.stop();
  });

  /** A control plane where the token `good` is ann, who may read in `default` only. */
  const reviews: unknown[] = [];
  const client = {
    request: async (_method: string, path: string, { body }: { body: { spec: Record<string, unknown> } }) => {
      reviews.push(body.spec);
      if (path === '/apis/authentication.k8s.io/v1/tokenreviews')
        return body.spec['token'] === 'good'
          ? { status: { authenticated: true, user: { username: 'ann', groups: ['g'] } } }
          : { status: { authenticated: false } };
      if (path !== '/apis/authorization.k8s.io/v1/subjectaccessreviews') throw new Error(path);
      const attributes = body.spec['resourceAttributes'] as { namespace?: string };
      return { status: { allowed: attributes.namespace === 'default' } };
    },
  } as unknown as Client;

  const ask = (path: string, token?: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      // The certificate is made at start; the test has no other way to it.
      const options = { port: server?.address.port, host: '127.0.0.1', path, headers, rejectUnauthorized: false };
      request(options, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      })
        .on('error', reject)
        .end();
    });

  it('tells only those whom the control plane knows and allows', async () => {
    const entry = sample();
    const explain = (key: string) => (key === entry.binding ? entry : undefined);
    server = await serveDecisions({ address: '127.0.0.1:0', client, explain });
    expect((await ask('/decisions/default/nginx-deployment')).status).toBe(401);
    expect((await ask('/decisions/default/nginx-deployment', 'bad')).status).toBe(401);
    expect((await ask('/decisions/kube-system/secret', 'good')).status).toBe(403);
    expect((await ask('/decisions/cluster-wide', 'good')).status).toBe(403);
    expect(await ask('/decisions/default/nginx-deployment', 'good')).toEqual({
      status: 200,
      body: decisionText(entry),
    });
    expect(reviews.at(-1)).toEqual({
      user: 'ann',
      groups: ['g'],
      resourceAttributes: {
        verb: 'get',
        group: 'work.karmada.io',
        version: 'v1alpha2',
        resource: 'resourcebindings',
        subresource: 'decision',
        namespace: 'default',
        name: 'nginx-deployment',
      },
    });
    const json = await ask('/decisions/default/nginx-deployment?format=json', 'good');
    expect(JSON.parse(json.body)).toEqual({ ...JSON.parse(JSON.stringify(entry)), next: [] });
    expect((await ask('/decisions/default/other', 'good')).status).toBe(404);
    expect((await ask('/decisions/default/%2e%2e%2fx', 'good')).status).toBe(404);
    expect((await ask('/', 'good')).status).toBe(404);
  });

  it('is off at the address 0', async () => {
    expect(await serveDecisions({ address: '0', client, explain: () => undefined })).toBeUndefined();
  });
});
