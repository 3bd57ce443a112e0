import { expect, it } from 'vitest';
import type { ReadablePod } from './runtime.ts';
import { containerProfile } from './simulated-profile.ts';

it.each<[string, object, string[], number | undefined]>([
  ['of a Job, without a command', {}, [], 1000],
  ['of a Job', {}, ['make'], 1000],
  ['of a Job, which sleeps', {}, ['sh', '-c', 'sleep 20; echo done'], 20_000],
  ['of a Job, which sleeps on', {}, ['sleep', 'infinity'], undefined],
  ['of a Job, with a time of its own', { 'kubelite/duration': '3s' }, ['sleep', '20'], 3000],
  ['of a Job, which fails', { 'kubelite/exit-code': '3' }, ['sleep', '20'], 1000],
])('a container %s: %j %j ends after %s', (_what, annotations, command, durationMs) => {
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u', controller: true }];
  const container = { name: 'main', command };
  const pod = {
    metadata: { annotations, ownerReferences },
    spec: { restartPolicy: 'Never', containers: [container] },
  } as unknown as ReadablePod;
  expect(containerProfile(pod, container, 'main').durationMs).toBe(durationMs);
});
