import { request } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/client.ts';
import { binding, cluster, clusters, defaultRun, roomOf, targets } from '../fixtures.test-support.ts';
import { planPlacement } from '../plan.ts';
import { createDecisionLog, type DecisionEntry, decisionEntry } from './decision-log.ts';
import { decisionText } from './decision-text.ts';
import { type DecisionsServer, serveDecisions } from './decisions-server.ts';

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
