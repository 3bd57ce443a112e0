import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import type { KubeList } from '../apimachinery/object.ts';
import { jobs, pods } from '../kubernetes/resource-types.ts';
import type { Job, Pod } from '../kubernetes/types.ts';
import { type Kubelite, startKubelite } from './cluster.ts';

const namespace = 'default';
let cluster: Kubelite;
beforeAll(async () => {
  cluster = await startKubelite({ name: 'policies', podReadyDelayMs: 5, restartBackoff: { baseMs: 10, maxMs: 50 } });
});
afterAll(() => cluster?.stop());

async function run(name: string, spec: object, annotations: Record<string, string>): Promise<void> {
  await cluster.client.resource(jobs).create({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: {
      template: {
        metadata: { annotations },
        spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox' }] },
      },
      ...spec,
    },
  } as never);
}
async function ended(name: string): Promise<NonNullable<Job['status']>> {
  for (const end = Date.now() + 20_000; Date.now() < end; await systemClock.sleep(10)) {
    const { status } = await cluster.client.resource<Job>(jobs).get({ namespace, name });
    if (status?.conditions?.some(({ type, status: on }) => (type === 'Complete' || type === 'Failed') && on === 'True'))
      return status;
  }
  throw new Error(`waited in vain for ${name} to end`);
}
const podsOf = async (name: string) =>
  (
    (await cluster.client
      .resource<Pod>(pods)
      .list({ namespace, labelSelector: `batch.kubernetes.io/job-name=${name}` })) as KubeList<Pod>
  ).items;
const told = (status: NonNullable<Job['status']>) =>
  status.conditions?.map(({ type, reason, message }) => [type, reason, message]);

describe('a Job', () => {
  it('with backoffLimitPerIndex tries each index so often, and fails when some index failed', async () => {
    const spec = { completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimitPerIndex: 1 };
    await run('per-index', spec, { 'kubelite/duration': '5ms', 'kubelite/exit-code': '1' });
    const status = await ended('per-index');
    expect(status).toMatchObject({ failed: 4, failedIndexes: '0,1' });
    expect(told(status)?.at(-1)).toEqual(['Failed', 'FailedIndexes', 'Job has failed indexes']);
    const counts = (await podsOf('per-index')).map(
      ({ metadata }) => metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'],
    );
    expect(counts.sort()).toEqual(['0', '0', '1', '1']);
  });
  it('with maxFailedIndexes ends as soon as more have failed', async () => {
    const limits = { backoffLimitPerIndex: 0, maxFailedIndexes: 0 };
    const spec = { completionMode: 'Indexed', completions: 3, parallelism: 1, ...limits };
    await run('max-failed', spec, { 'kubelite/duration': '5ms', 'kubelite/exit-code': '1' });
    const status = await ended('max-failed');
    expect(told(status)?.at(-1)?.[1]).toBe('MaxFailedIndexesExceeded');
    expect(status.failedIndexes).toBe('0');
  });
  it('fails at once by the FailJob rule of its podFailurePolicy', async () => {
    const onExitCodes = { containerName: 'main', operator: 'In', values: [42] };
    await run(
      'fail-job',
      { backoffLimit: 6, podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes }] } },
      { 'kubelite/duration': '5ms', 'kubelite/exit-code': '42' },
    );
    const status = await ended('fail-job');
    const [pod] = await podsOf('fail-job');
    expect(status.failed).toBe(1);
    expect(told(status)).toEqual([
      [
        'FailureTarget',
        'PodFailurePolicy',
        `Container main for pod default/${pod?.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
      ],
      [
        'Failed',
        'PodFailurePolicy',
        `Container main for pod default/${pod?.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
      ],
    ]);
  });
  it('gives an index up by the FailIndex rule', async () => {
    const onExitCodes = { operator: 'In', values: [7] };
    const rules = [{ action: 'FailIndex', onExitCodes }];
    const spec = { completionMode: 'Indexed', completions: 1, parallelism: 1, backoffLimitPerIndex: 5 };
    await run(
      'fail-index',
      { ...spec, podFailurePolicy: { rules } },
      { 'kubelite/duration': '5ms', 'kubelite/exit-code': '7' },
    );
    expect(await ended('fail-index')).toMatchObject({ failed: 1, failedIndexes: '0' });
  });
  it('does not count failures that an Ignore rule names', async () => {
    const onExitCodes = { operator: 'In', values: [9] };
    const rules = [{ action: 'Ignore', onExitCodes }];
    const annotations = { 'kubelite/duration': '5ms', 'kubelite/exit-code': '9' };
    await run('ignored', { backoffLimit: 0, activeDeadlineSeconds: 2, podFailurePolicy: { rules } }, annotations);
    const status = await ended('ignored');
    expect(told(status)?.at(-1)?.[1]).toBe('DeadlineExceeded');
    expect((await podsOf('ignored')).length).toBeGreaterThan(1);
  });
  it('is done when its successPolicy is met, and lets the other pods go', async () => {
    const spec = { completionMode: 'Indexed', completions: 3, parallelism: 3 };
    await run(
      'enough',
      { ...spec, successPolicy: { rules: [{ succeededCount: 1 }] } },
      { 'kubelite/duration': '20ms' },
    );
    const status = await ended('enough');
    expect(told(status)?.map(([type, reason]) => [type, reason])).toEqual([
      ['SuccessCriteriaMet', 'SuccessPolicy'],
      ['Complete', 'SuccessPolicy'],
    ]);
    expect(told(status)?.[0]?.[2]).toBe('Matched rules at index 0');
  });
});
