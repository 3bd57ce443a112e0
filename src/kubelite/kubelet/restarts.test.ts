import { expect, it } from 'vitest';
import { restartsAfter } from './restarts.ts';
import type { ReadablePod } from './runtime.ts';

const rule = (operator: string, ...values: number[]) => ({ action: 'Restart', exitCodes: { operator, values } });

// Policy of the pod, the container's own fields, exit code → whether it starts again.
it.each<[string, object, number, boolean]>([
  ['Always', {}, 0, true],
  ['OnFailure', {}, 0, false],
  ['OnFailure', {}, 1, true],
  ['Never', {}, 1, false],
  ['Never', { restartPolicy: 'Always' }, 0, true],
  ['Never', { restartPolicy: 'OnFailure' }, 1, true],
  ['Always', { restartPolicy: 'Never' }, 1, false],
  ['Always', { restartPolicy: 'OnFailure' }, 0, false],
  ['Never', { restartPolicy: 'Never', restartPolicyRules: [rule('In', 42)] }, 42, true],
  ['Never', { restartPolicy: 'Never', restartPolicyRules: [rule('In', 42)] }, 1, false],
  ['Never', { restartPolicy: 'Never', restartPolicyRules: [rule('NotIn', 42)] }, 1, true],
  ['Never', { restartPolicy: 'OnFailure', restartPolicyRules: [rule('In', 42)] }, 1, true],
])('in a pod of %s, a container with %j that ended with %i: %s', (restartPolicy, own, exitCode, again) => {
  const container = { name: 'main', ...own };
  const pod = { metadata: {}, spec: { restartPolicy, containers: [container] } } as unknown as ReadablePod;
  expect(restartsAfter(pod, container, exitCode)).toBe(again);
});

it.each<[string, object, number, boolean]>([
  ['Always', {}, 0, false],
  ['Always', {}, 1, true],
  ['Never', {}, 1, false],
  ['Always', { restartPolicy: 'Never' }, 1, false],
  ['Never', { restartPolicy: 'Always' }, 0, true],
])('in a pod of %s, an init container with %j that ended with %i: %s', (restartPolicy, own, exitCode, again) => {
  const container = { name: 'prepare', ...own };
  const pod = { metadata: {}, spec: { restartPolicy, initContainers: [container] } } as unknown as ReadablePod;
  expect(restartsAfter(pod, container, exitCode)).toBe(again);
});
