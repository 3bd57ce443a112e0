import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appliedPlacementAnnotation } from '../../apis/constants.ts';
import type { Placement } from '../../apis/policy/v1alpha1/propagation-policy.ts';
import { resourceBindings } from '../../apis/resource-types.ts';
import type { ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import type { Answers } from '../../estimator/estimator-client.ts';
import { binding, targets, text } from '../fixtures.test-support.ts';
import { type SchedulerHarness, startHarness } from '../harness.test-support.ts';
import { createDescheduler } from './descheduler.ts';
import { isDeschedulable, loweringText, lowerReplicas } from './lower-replicas.ts';

const byRoom: Placement = {
  replicaScheduling: {
    replicaSchedulingType: 'Divided',
    replicaDivisionPreference: 'Weighted',
    weightPreference: { dynamicWeight: 'AvailableReplicas' },
  },
};

function placed(where: string, ready: Readonly<Record<string, number>>, placement: Placement = byRoom) {
  const object = binding({ clusters: targets(where) });
  object.metadata.annotations = { [appliedPlacementAnnotation]: JSON.stringify(placement) };
  const aggregatedStatus = Object.entries(ready).map(([clusterName, readyReplicas]) => ({
    clusterName,
    status: { readyReplicas },
  }));
  object.status = { aggregatedStatus };
  return object;
}

describe('lowerReplicas', () => {
  it.each<[string, string, Record<string, number>, Record<string, number>, string]>([
    ['F9: ready replicas stay', 'm1 10', { m1: 4 }, { m1: 8 }, 'm1 4'],
    ['F10: nothing was reported yet', 'm1 5', {}, { m1: 5 }, 'm1 0'],
    ['all that cannot run goes', 'm1 5, m2 5', { m1: 3, m2: 5 }, { m1: 2 }, 'm1 3, m2 5'],
    ['no answer means none', 'm1 5', { m1: 3 }, {}, 'nothing'],
    ['more than it was given is an answer about something else', 'm1 5', { m1: 3 }, { m1: 6 }, 'nothing'],
    ['a target with all replicas ready is not asked about', 'm1 5', { m1: 5 }, { m1: 2 }, 'nothing'],
  ])('%s', (_, where, ready, unschedulable, expected) => {
    const lowering = lowerReplicas(placed(where, ready), new Map(Object.entries(unschedulable)));
    expect(lowering === undefined ? 'nothing' : text(lowering.targets)).toBe(expected);
  });

  it('is told in upstream’s words', () => {
    const lowering = lowerReplicas(placed('m1 10', { m1: 4 }), new Map([['m1', 8]]));
    expect(lowering && loweringText(lowering)).toBe(
      'Binding has been descheduled, 6 replica(s) in cluster(m1), 6 total descheduled replica(s)',
    );
  });

  it('concerns only Deployments that were divided by room', () => {
    const type = (replicaDivisionPreference: 'Aggregated' | 'Weighted'): Placement => ({
      replicaScheduling: { replicaSchedulingType: 'Divided', replicaDivisionPreference },
    });
    expect(isDeschedulable(placed('m1 1', {}))).toBe(true);
    expect(isDeschedulable(placed('m1 1', {}, type('Aggregated')))).toBe(true);
    expect(isDeschedulable(placed('m1 1', {}, type('Weighted')))).toBe(false);
    expect(isDeschedulable(placed('m1 1', {}, {}))).toBe(false);
    const job = placed('m1 1', {});
    job.spec.resource = { ...job.spec.resource, apiVersion: 'batch/v1', kind: 'Job' };
    expect(isDeschedulable(job)).toBe(false);
  });
});

describe('the descheduler', () => {
  let harness: SchedulerHarness;
  beforeEach(async () => {
    harness = await startHarness();
  });
  afterEach(() => harness.stop());

  const run = async (answers: Answers): Promise<{ where: string; events: string[] }> => {
    const object = placed('m1 5, m2 5', { m1: 3, m2: 5 });
    const resource = harness.api.client.resource<ResourceBinding>(resourceBindings);
    const created = await resource.create(object);
    const latest = await resource.updateStatus({ ...created, status: object.status ?? {} });
    const events: string[] = [];
    const unknown = () => Promise.resolve(new Map<string, number>());
    await createDescheduler({
      client: harness.api.client,
      informers: createInformerFactory(harness.api.client),
      recorder: {
        event: ({ kind }, type, reason, message) => void events.push(`${kind} ${type} ${reason} ${message}`),
        flush: () => Promise.resolve(),
      },
      estimators: {
        pool: { connect: () => Promise.resolve(), disconnect() {}, get: () => undefined, close() {} },
        client: { maxReplicas: unknown, maxSets: unknown, unschedulableReplicas: () => Promise.resolve(answers) },
      },
      interval: 1000,
      unschedulableThreshold: 1000,
    }).deschedule(latest);
    return { where: text((await harness.read()).spec.clusters ?? []), events };
  };

  it('writes what is left and says so on the binding and on the template', async () => {
    const { where, events } = await run(new Map([['m1', 2]]));
    expect(where).toBe('m1 3, m2 5');
    const message = 'Binding has been descheduled, 2 replica(s) in cluster(m1), 2 total descheduled replica(s)';
    expect(events).toEqual([
      `ResourceBinding Normal DescheduleBindingSucceed ${message}`,
      `Deployment Normal DescheduleBindingSucceed ${message}`,
    ]);
  });

  it('writes nothing when an estimator does not answer', async () => {
    const { where, events } = await run(new Map([['m1', new Error('away')]]));
    expect(where).toBe('m1 5, m2 5');
    expect(events).toEqual([]);
  });
});
