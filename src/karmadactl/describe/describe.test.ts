import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { matchesFields, parseFieldSelector } from '../../apimachinery/field-selector.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { matchesRequirements, parseLabelSelector } from '../../apimachinery/label-selector.ts';
import type { KubeObject, Unstructured } from '../../apimachinery/object.ts';
import { forbidden, notFound } from '../../apimachinery/status-error.ts';
import { describeObject } from './describe.ts';
import { alignCells } from './page.ts';
import type { Related } from './related.ts';
import { plainTimeText, timeText } from './texts.ts';

/** Objects of a cluster, and what kubectl 1.35 says about them: `### apiVersion/Kind name instant`, then its text. */
const fixture = (name: string): string =>
  readFileSync(new URL(`../../../test/fixtures/describe/${name}`, import.meta.url), 'utf8');
const objects = fixture('objects.jsonl')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Unstructured);
const texts = fixture('kubectl-1.35.txt')
  .split(/^### /m)
  .slice(1)
  .map((part) => {
    const end = part.indexOf('\n');
    const [type = '', name = '', instant = ''] = part.slice(0, end).split(' ');
    return { type, name, now: Date.parse(instant), text: inLocalTime(part.slice(end + 1)) };
  });

/** kubectl wrote in UTC, and descriptions are in the zone of the user. */
function inLocalTime(text: string): string {
  return text
    .replace(/\w{3}, \d\d \w{3} 2\d{3} [\d:]{8} \+0000/g, (time) => timeText(new Date(time).toISOString()))
    .replace(/^(Created on: +)(2[\d-]+) ([\d:]{8}) \+0000 UTC$/gm, (_, title, day, clock) => {
      return title + plainTimeText(`${day}T${clock}Z`);
    });
}

const isA = ({ apiVersion, kind }: Unstructured, type: ResourceType): boolean =>
  kind === type.kind && apiVersion === (type.group === '' ? type.version : `${type.group}/${type.version}`);

function fieldOf(object: Unstructured, path: string): string {
  const value = path
    .split('.')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object);
  return String(value ?? '');
}

function relatedAmong(all: readonly Unstructured[], now: number): Related {
  const as = <T extends KubeObject>(found: unknown): T => found as T;
  return {
    now,
    async get(type, { namespace, name }) {
      const found = all.find(
        (one) => isA(one, type) && one.metadata.name === name && one.metadata.namespace === namespace,
      );
      if (found === undefined) throw notFound({ group: type.group, resource: type.resource }, name);
      return as(found);
    },
    async list(type, { namespace = '', labelSelector = '', fieldSelector = '' }) {
      const labels = parseLabelSelector(labelSelector);
      const fields = parseFieldSelector(fieldSelector);
      const found = all.filter(
        (one) =>
          isA(one, type) &&
          (namespace === '' || one.metadata.namespace === namespace) &&
          matchesRequirements(labels, one.metadata.labels ?? {}) &&
          matchesFields(fields, (path: string) => fieldOf(one, path)),
      );
      return found.map((one) => as(one));
    },
  };
}

const find = (type: string, name: string): Unstructured => {
  const found = objects.find((one) => `${one.apiVersion}/${one.kind}` === type && one.metadata.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name} in the fixture`);
  return found;
};

describe('describe says what kubectl says', () => {
  it.each(texts)('of $type $name', async ({ type, name, now, text }) => {
    expect(await describeObject(find(type, name), relatedAmong(objects, now), true)).toBe(text);
  });

  it('of a pod without its Events', async () => {
    const pod = texts.find(({ type }) => type === 'v1/Pod');
    const described = await describeObject(
      find('v1/Pod', pod?.name ?? ''),
      relatedAmong(objects, pod?.now ?? 0),
      false,
    );
    expect(described).toBe(pod?.text.slice(0, pod.text.indexOf('Events:')));
  });
});

describe('what the user may not see', () => {
  const refusing: Related = {
    now: 0,
    get: async ({ group, resource }, { name }) => {
      throw forbidden({ group, resource }, name, 'no');
    },
    list: async ({ group, resource }) => {
      throw forbidden({ group, resource }, '', 'no');
    },
  };
  const said = (type: string, name: string): Promise<string> => describeObject(find(type, name), refusing, true);

  it.each([
    ['v1/Node', 'd7c-worker', /^Lease: +Failed to get lease: leases.* is forbidden: no$/m],
    ['v1/Node', 'd7c-worker', /^Pods: +not authorized$/m],
    ['v1/Service', 'web', /^Endpoints: +<none>$/m],
    ['v1/Service', 'web', /^Events: +<none>$/m],
    ['networking.k8s.io/v1/Ingress', 'web', /^Default backend: +web:http \(<error: .*forbidden: no>\)$/m],
  ])('is said of %s %s, or left out: %s', async (type, name, line) => {
    expect(await said(type, name)).toMatch(line);
  });

  it('leaves out the ReplicaSets of a Deployment, and says why for the pods of a ReplicaSet', async () => {
    expect(await said('apps/v1/Deployment', 'web')).not.toContain('NewReplicaSet:');
    const set = objects.find(({ kind }) => kind === 'ReplicaSet');
    expect(await said('apps/v1/ReplicaSet', set?.metadata.name ?? '')).toMatch(
      /^Pods Status: +error in fetching pods: pods.* is forbidden: no$/m,
    );
  });

  it('fails a StatefulSet, whose pods are needed', async () => {
    await expect(said('apps/v1/StatefulSet', 'db')).rejects.toThrow('forbidden: no');
  });
});

describe('cells', () => {
  it.each([
    ['a\tb\nlonger\tc\n', 'a       b\nlonger  c\n'],
    ['a\tb\nno cell\nlonger\tc', 'a  b\nno cell\nlonger  c'],
    ['a\tb\tc\nlonger\td\n', 'a       b  c\nlonger  d\n'],
    ['\tx\n', '  x\n'],
    ['ä\tb\nab\tc', 'ä   b\nab  c'],
  ])('%j stand under each other', (text, aligned) => {
    expect(alignCells(text)).toBe(aligned);
  });
});
