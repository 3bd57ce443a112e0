import { describe, expect, it } from 'vitest';
import { downwardValue, resourceFieldValue } from './pod-facts.ts';
import type { ReadablePod } from './runtime.ts';

const pod: ReadablePod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', labels: { b: '2', a: '1' } },
  spec: {
    containers: [
      {
        name: 'main',
        image: 'nginx',
        resources: { limits: { cpu: '1500m', memory: '1Gi' }, requests: { cpu: '100m' } },
      },
      { name: 'plain', image: 'nginx' },
    ],
  },
};
const facts = { podIP: '10.0.0.1', hostIP: '172.18.0.2', allocatable: { cpu: '8', memory: '32Gi' } };

describe('a resourceFieldRef', () => {
  it.each([
    ['main', 'limits.cpu', undefined, '2'],
    ['main', 'limits.cpu', '1m', '1500'],
    ['main', 'limits.memory', '0', '1073741824'],
    ['main', 'limits.memory', '1Mi', '1024'],
    ['main', 'requests.cpu', '1m', '100'],
    ['main', 'requests.memory', '1', '1073741824'],
    ['plain', 'limits.cpu', '1', '8'],
    ['plain', 'limits.memory', '1Gi', '32'],
    ['plain', 'requests.cpu', '1', '0'],
  ])('of %s: %s in units of %s is %s', (container, resource, divisor, expected) => {
    const field = { resource, ...(divisor === undefined ? {} : { divisor }) };
    expect(resourceFieldValue(pod, field, facts, container)).toBe(expected);
    expect(downwardValue(pod, { resourceFieldRef: { ...field, containerName: container } }, facts)).toBe(expected);
  });
  it('of something else is refused', () => {
    expect(() => resourceFieldValue(pod, { resource: 'limits.odd' }, facts, 'main')).toThrow(
      'unsupported container resource : limits.odd',
    );
  });
});

describe('a fieldRef', () => {
  it.each([
    ['metadata.name', 'web'],
    ["metadata.labels['a']", '1'],
    ['metadata.labels', 'a="1"\nb="2"'],
    ['status.podIP', '10.0.0.1'],
    ['status.hostIP', '172.18.0.2'],
  ])('%s is %s', (fieldPath, expected) => {
    expect(downwardValue(pod, { fieldRef: { fieldPath } }, facts)).toBe(expected);
  });
});
