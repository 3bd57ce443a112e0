import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { Overriders } from '../../apis/policy/v1alpha1/override-policy.ts';
import { applyOverriders } from './apply-overriders.ts';
import { overrideImage } from './image-overrider.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const otherDigest = `sha256:${'1'.repeat(64)}`;

function deployment(): Unstructured {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x', namespace: 'default', labels: { app: 'x' } },
    spec: {
      replicas: 2,
      template: {
        spec: {
          initContainers: [{ name: 'init', image: 'busybox:1' }],
          containers: [
            { name: 'a', image: 'nginx:1.25', command: ['run'], args: ['--x', '--y'] },
            { name: 'b', image: 'registry.local:5000/team/side:v1' },
          ],
        },
      },
    },
  };
}

const containers = (object: Unstructured) =>
  (object['spec'] as { template: { spec: { containers: Record<string, unknown>[] } } }).template.spec.containers;
const overridden = (overriders: Overriders, object = deployment()) => applyOverriders(object, overriders);

describe('imageOverrider', () => {
  it.each([
    ['nginx:1.25', 'Registry', 'replace', 'mirror.io', 'mirror.io/nginx:1.25'],
    ['nginx:1.25', 'Registry', 'add', 'mirror.io', 'mirror.io/nginx:1.25'],
    ['docker.io/nginx', 'Registry', 'add', '.cn', 'docker.io.cn/nginx'],
    ['docker.io/nginx', 'Registry', 'remove', undefined, 'nginx'],
    ['localhost/nginx', 'Registry', 'remove', undefined, 'nginx'],
    ['host:5000/a/b:v1', 'Registry', 'replace', 'r.io', 'r.io/a/b:v1'],
    ['library/nginx', 'Registry', 'replace', 'r.io', 'r.io/library/nginx'],
    ['nginx:1.25', 'Repository', 'replace', 'team/web', 'team/web:1.25'],
    ['r.io/nginx:1.25', 'Repository', 'add', '-slim', 'r.io/nginx-slim:1.25'],
    ['r.io/nginx', 'Repository', 'remove', undefined, 'r.io/'],
    ['nginx:1.25', 'Tag', 'replace', '1.26', 'nginx:1.26'],
    ['nginx:1.25', 'Tag', 'add', '-alpine', 'nginx:1.25-alpine'],
    ['nginx', 'Tag', 'add', 'v1', 'nginx:v1'],
    ['nginx:1.25', 'Tag', 'remove', undefined, 'nginx'],
    [`nginx@${digest}`, 'Tag', 'remove', undefined, 'nginx'],
    [`nginx@${digest}`, 'Tag', 'replace', 'v2', 'nginx:v2'],
    ['nginx:1.25', 'Tag', 'replace', otherDigest, `nginx@${otherDigest}`],
    ['nginx:1.25', 'Tag', 'replace', 'no such shape!', 'nginx:1.25'],
    [`nginx:1.25@${digest}`, 'Registry', 'replace', 'r.io', 'r.io/nginx:1.25'],
  ] as const)('%s: %s %s %s → %s', (image, component, operator, value, expected) => {
    expect(overrideImage(image, { component, operator, ...(value === undefined ? {} : { value }) })).toBe(expected);
  });

  it.each(['', 'NGINX', 'nginx:', 'a//b', 'nginx@sha256:1'])('refuses the image %j', (image) => {
    expect(() => overrideImage(image, { component: 'Tag', operator: 'remove' })).toThrow('failed to parse image value');
  });

  it('without a predicate changes all containers of a known kind, and no init container', () => {
    const result = overridden({ imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'r.io' }] });
    expect(containers(result).map(({ image }) => image)).toEqual(['r.io/nginx:1.25', 'r.io/team/side:v1']);
    expect(JSON.stringify(result)).toContain('"image":"busybox:1"');
  });

  it('leaves kinds alone whose containers it does not know', () => {
    const cronJob: Unstructured = { ...deployment(), apiVersion: 'batch/v1', kind: 'CronJob' };
    const overriders: Overriders = { imageOverrider: [{ component: 'Tag', operator: 'remove' }] };
    expect(overridden(overriders, cronJob)).toEqual(cronJob);
  });

  it('with a predicate changes that field of any kind', () => {
    const thing: Unstructured = {
      apiVersion: 'e.io/v1',
      kind: 'Thing',
      metadata: { name: 'x' },
      spec: { image: 'a:1' },
    };
    const at = (path: string): Overriders => ({
      imageOverrider: [{ predicate: { path }, component: 'Tag', operator: 'replace', value: '2' }],
    });
    expect(overridden(at('/spec/image'), thing)['spec']).toEqual({ image: 'a:2' });
    expect(() => overridden(at('/spec/missing'), thing)).toThrow('path(/spec/missing) is not a string');
  });
});

describe('commandOverrider and argsOverrider', () => {
  it('add and remove words of the container with the name', () => {
    const result = overridden({
      commandOverrider: [{ containerName: 'a', operator: 'add', value: ['fast'] }],
      argsOverrider: [
        { containerName: 'a', operator: 'remove', value: ['--x', '--z'] },
        { containerName: 'b', operator: 'add', value: ['--v=2'] },
        { containerName: 'nobody', operator: 'add', value: ['--v=9'] },
      ],
    });
    expect(containers(result)).toMatchObject([{ command: ['run', 'fast'], args: ['--y'] }, { args: ['--v=2'] }]);
  });

  it('write an empty list where there was none to remove from', () => {
    const result = overridden({ argsOverrider: [{ containerName: 'b', operator: 'remove', value: ['x'] }] });
    expect(containers(result)[1]).toMatchObject({ args: [] });
  });
});

describe('labelsOverrider and annotationsOverrider', () => {
  it('add sets, replace and remove concern keys that are there', () => {
    const result = overridden({
      labelsOverrider: [
        { operator: 'add', value: { 'example.io/zone': 'a', tier: 'web' } },
        { operator: 'replace', value: { app: 'y', missing: '1' } },
        { operator: 'remove', value: { tier: '', absent: '' } },
      ],
      annotationsOverrider: [{ operator: 'add', value: { note: 'n' } }],
    });
    expect(result.metadata).toEqual({
      name: 'x',
      namespace: 'default',
      labels: { app: 'y', 'example.io/zone': 'a' },
      annotations: { note: 'n' },
    });
  });

  it('a removal where nothing is makes no empty map', () => {
    const result = overridden({ annotationsOverrider: [{ operator: 'remove', value: { a: '' } }] });
    expect(result.metadata).not.toHaveProperty('annotations');
  });
});

describe('fieldOverrider', () => {
  const configMap = (text: string): Unstructured => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data: { file: text },
  });
  const file = (object: Unstructured) => (object['data'] as { file: unknown }).file;

  it('edits YAML in a string', () => {
    const result = overridden(
      {
        fieldOverrider: [
          {
            fieldPath: '/data/file',
            yaml: [
              { subPath: '/db/url', operator: 'replace', value: 'db2' },
              { subPath: '/db/pool', operator: 'add', value: { max: 5 } },
              { subPath: '/debug', operator: 'remove' },
            ],
          },
        ],
      },
      configMap('debug: true\ndb:\n  url: db1\n'),
    );
    expect(file(result)).toBe('db:\n  pool:\n    max: 5\n  url: db2\n');
  });

  it('edits JSON in a string', () => {
    const json = [{ subPath: '/list/0', operator: 'remove' as const }];
    const result = overridden({ fieldOverrider: [{ fieldPath: '/data/file', json }] }, configMap('{"list":[1,2]}'));
    expect(file(result)).toBe('{"list":[2]}');
  });

  it.each([
    ['/data/missing', '{}', 'path(/data/missing) is not a string'],
    ['/data', '{}', 'path(/data) is not a string'],
    ['/data/file', '{', 'JSON'],
  ])('%s of %s is refused', (fieldPath, text, message) => {
    const json = [{ subPath: '/a', operator: 'add' as const, value: 1 }];
    expect(() => overridden({ fieldOverrider: [{ fieldPath, json }] }, configMap(text))).toThrow(message);
  });
});

describe('plaintext', () => {
  it('is a JSON patch', () => {
    const result = overridden({
      plaintext: [
        { path: '/spec/replicas', operator: 'replace', value: 5 },
        { path: '/spec/paused', operator: 'add', value: true },
        { path: '/metadata/labels/app', operator: 'remove' },
      ],
    });
    expect(result['spec']).toMatchObject({ replicas: 5, paused: true });
    expect(result.metadata.labels).toEqual({});
  });

  it('one operation that does not apply fails all', () => {
    const plaintext: Overriders['plaintext'] = [
      { path: '/spec/paused', operator: 'add', value: true },
      { path: '/spec/missing', operator: 'remove' },
    ];
    expect(() => overridden({ plaintext })).toThrow();
  });
});

describe('the overriders of one rule', () => {
  it('see what those before them made: image, command, args, labels, annotations, field, plaintext', () => {
    const result = overridden({
      plaintext: [{ path: '/spec/template/spec/containers/0/image', operator: 'replace', value: 'last:1' }],
      labelsOverrider: [{ operator: 'add', value: { step: 'labels' } }],
      annotationsOverrider: [{ operator: 'add', value: { doc: '{"a":1}' } }],
      fieldOverrider: [
        { fieldPath: '/metadata/annotations/doc', json: [{ subPath: '/a', operator: 'replace', value: 2 }] },
      ],
      imageOverrider: [{ component: 'Tag', operator: 'replace', value: 'first' }],
    });
    expect(containers(result).map(({ image }) => image)).toEqual(['last:1', 'registry.local:5000/team/side:first']);
    expect(result.metadata.annotations).toEqual({ doc: '{"a":2}' });
  });

  it('leave the object that they were given as it is', () => {
    const object = deployment();
    overridden({ imageOverrider: [{ component: 'Tag', operator: 'remove' }] }, object);
    expect(object).toEqual(deployment());
  });
});
