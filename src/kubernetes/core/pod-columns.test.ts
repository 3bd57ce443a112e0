import { describe, expect, it } from 'vitest';
import type { Pod } from '../types.ts';
import { podColumns, podSummary } from './pod-columns.ts';

const now = Date.parse('2024-05-01T12:00:00Z');

function podOf(status: object, more: { spec?: object; metadata?: object } = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', creationTimestamp: '2024-05-01T11:00:00Z', ...more.metadata },
    spec: { containers: [{ name: 'a' }, { name: 'b' }], ...more.spec },
    status,
  } as unknown as Pod;
}

const running = (name: string, more: object = {}) => ({
  name,
  ready: true,
  restartCount: 0,
  state: { running: {} },
  ...more,
});
const ready = (status: string) => ({ type: 'Ready', status });
const sidecar = { initContainers: [{ name: 's', restartPolicy: 'Always' }] };
const initSpec = { initContainers: [{ name: 'i' }, { name: 'j' }] };

describe('status of a pod in one word', () => {
  it.each([
    ['the phase', podOf({ phase: 'Pending' }), 'Pending', '0/2'],
    ['its reason', podOf({ phase: 'Failed', reason: 'Evicted' }), 'Evicted', '0/2'],
    [
      'a scheduling gate',
      podOf({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }),
      'SchedulingGated',
      '0/2',
    ],
    ['running', podOf({ phase: 'Running', containerStatuses: [running('a'), running('b')] }), 'Running', '2/2'],
    [
      'what the first container waits for',
      podOf({
        phase: 'Pending',
        containerStatuses: [
          { name: 'a', state: { waiting: { reason: 'ImagePullBackOff' } } },
          { name: 'b', state: { waiting: { reason: 'ContainerCreating' } } },
        ],
      }),
      'ImagePullBackOff',
      '0/2',
    ],
    [
      'an exit code without a reason',
      podOf({ phase: 'Failed', containerStatuses: [{ name: 'a', state: { terminated: { exitCode: 2 } } }] }),
      'ExitCode:2',
      '0/2',
    ],
    [
      'a signal without a reason',
      podOf({
        phase: 'Failed',
        containerStatuses: [{ name: 'a', state: { terminated: { exitCode: 137, signal: 9 } } }],
      }),
      'Signal:9',
      '0/2',
    ],
    [
      'completed, but something still runs and is ready',
      podOf({
        phase: 'Running',
        conditions: [ready('True')],
        containerStatuses: [{ name: 'a', state: { terminated: { exitCode: 0, reason: 'Completed' } } }, running('b')],
      }),
      'Running',
      '1/2',
    ],
    [
      'completed, something runs, not ready',
      podOf({
        phase: 'Running',
        conditions: [ready('False')],
        containerStatuses: [{ name: 'a', state: { terminated: { exitCode: 0, reason: 'Completed' } } }, running('b')],
      }),
      'NotReady',
      '1/2',
    ],
    [
      'init containers in progress',
      podOf(
        {
          phase: 'Pending',
          initContainerStatuses: [
            { name: 'i', state: { terminated: { exitCode: 0 } } },
            { name: 'j', state: { running: {} } },
          ],
        },
        { spec: initSpec },
      ),
      'Init:1/2',
      '0/2',
    ],
    [
      'an init container that cannot start',
      podOf(
        {
          phase: 'Pending',
          initContainerStatuses: [{ name: 'i', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
        },
        { spec: initSpec },
      ),
      'Init:CrashLoopBackOff',
      '0/2',
    ],
    [
      'an init container that failed',
      podOf(
        { phase: 'Pending', initContainerStatuses: [{ name: 'i', state: { terminated: { exitCode: 1 } } }] },
        { spec: initSpec },
      ),
      'Init:ExitCode:1',
      '0/2',
    ],
    [
      'a sidecar, which counts as ready',
      podOf(
        {
          phase: 'Running',
          initContainerStatuses: [running('s', { started: true })],
          containerStatuses: [running('a'), running('b')],
        },
        { spec: sidecar },
      ),
      'Running',
      '3/3',
    ],
    ['being deleted', podOf({ phase: 'Running' }, { metadata: { deletionTimestamp: 'x' } }), 'Terminating', '0/2'],
    [
      'deleted after it finished',
      podOf({ phase: 'Succeeded' }, { metadata: { deletionTimestamp: 'x' } }),
      'Succeeded',
      '0/2',
    ],
    [
      'deleted on a lost node',
      podOf({ phase: 'Running', reason: 'NodeLost' }, { metadata: { deletionTimestamp: 'x' } }),
      'Unknown',
      '0/2',
    ],
  ])('is %s', (_, pod, status, count) => {
    const summary = podSummary(pod);
    expect([summary.status, `${summary.ready}/${summary.total}`]).toEqual([status, count]);
  });
});

describe('columns of a pod', () => {
  it('prints restarts with the time of the last', () => {
    const pod = podOf({
      phase: 'Running',
      podIPs: [{ ip: '10.0.0.1' }],
      containerStatuses: [
        running('a', { restartCount: 2, lastState: { terminated: { finishedAt: '2024-05-01T11:58:00Z' } } }),
        running('b', { restartCount: 1, lastState: { terminated: { finishedAt: '2024-05-01T11:50:00Z' } } }),
      ],
    });
    expect(podColumns.map((column) => column.cell(pod as never, now))).toEqual([
      'p',
      '2/2',
      'Running',
      '3 (2m ago)',
      '60m',
      '10.0.0.1',
      '<none>',
      '<none>',
      '<none>',
    ]);
  });

  it('counts readiness gates', () => {
    const pod = podOf(
      { conditions: [{ type: 'x/a', status: 'True' }] },
      { spec: { readinessGates: [{ conditionType: 'x/a' }, { conditionType: 'x/b' }] } },
    );
    expect(podColumns.at(-1)?.cell(pod as never, now)).toBe('1/2');
  });

  it('shows IP and node only in wide tables', () => {
    expect(podColumns.map(({ name, priority }) => `${name}${priority ? ' wide' : ''}`)).toEqual([
      'Name',
      'Ready',
      'Status',
      'Restarts',
      'Age',
      'IP wide',
      'Node wide',
      'Nominated Node wide',
      'Readiness Gates wide',
    ]);
  });
});
