import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import protobuf from 'protobufjs/minimal.js';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/full.ts';
import { StatusError } from '../apimachinery/status-error.ts';
import { type Field, type Message, messageOf } from './field-table.ts';
import { builtinResources } from './kinds.ts';
import { decodeProtobuf } from './protobuf.ts';

type Writer = protobuf.Writer;
const writer = (): Writer => protobuf.Writer.create();

/** An envelope as Go writes it, around what `fill` writes. */
function envelope(apiVersion: string, kind: string, fill: (raw: Writer) => void): Buffer {
  const raw = writer();
  fill(raw);
  const unknown = writer();
  unknown.uint32(10).fork().uint32(10).string(apiVersion).uint32(18).string(kind).ldelim();
  unknown.uint32(18).bytes(raw.finish()).uint32(26).string('').uint32(34).string('');
  return Buffer.concat([Buffer.from('k8s\0'), unknown.finish()]);
}

/** A message field. */
const message = (to: Writer, number: number, fill: (inner: Writer) => void): void => {
  fill(to.uint32((number << 3) | 2).fork());
  to.ldelim();
};
const text = (to: Writer, number: number, value: string): Writer => to.uint32((number << 3) | 2).string(value);
const int = (to: Writer, number: number, value: number): Writer => to.uint32(number << 3).int64(value);

describe('bodies of the generator commands of kubectl 1.35', () => {
  const captured = JSON.parse(readFileSync(new URL('./protobuf.captured.json', import.meta.url), 'utf8')) as {
    request: string;
    body: string;
  }[];
  const decoded = captured.map(({ request, body }) => ({
    request,
    object: decodeProtobuf(Buffer.from(body, 'base64')),
  }));
  const of = (kind: string) => decoded.filter(({ object }) => object.kind === kind).map(({ object }) => object);

  it('names kind and version in every body', () => {
    for (const { request, object } of decoded) {
      const [, root, group, version] = request.slice(request.indexOf(' ') + 1).split('/');
      const expected = root === 'api' ? 'v1' : `${group}/${version}`;
      expect([expected, 'authentication.k8s.io/v1']).toContain(object.apiVersion);
    }
  });

  it('create deployment --replicas=0 --port=80', () => {
    expect(of('Deployment')).toEqual([
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: { containers: [{ name: 'nginx', image: 'nginx:1.25', ports: [{ containerPort: 80 }] }] },
          },
        },
      },
    ]);
  });

  it('create service, its four types', () => {
    expect(of('Service').map(({ spec }) => spec)).toEqual([
      {
        type: 'ClusterIP',
        selector: { app: 'svc' },
        ports: [{ name: '80-8080', protocol: 'TCP', port: 80, targetPort: 8080 }],
      },
      {
        type: 'NodePort',
        selector: { app: 'np' },
        ports: [{ name: '80-http', protocol: 'TCP', port: 80, targetPort: 'http', nodePort: 30080 }],
      },
      { type: 'ExternalName', selector: { app: 'en' }, externalName: 'a.b' },
      { type: 'ClusterIP', selector: { app: 'hl' }, clusterIP: 'None' },
    ]);
  });

  it('create configmap and secret', () => {
    expect(of('ConfigMap').map(({ data, binaryData }) => ({ data, binaryData }))).toEqual([
      { data: { a: 'b', c: '' } },
      { binaryData: { x: '//4A' } },
    ]);
    expect(of('Secret')[0]).toMatchObject({ data: { p: Buffer.from('q').toString('base64') } });
  });

  it('create ingress, pdb, quota, priorityclass', () => {
    expect(of('Ingress')[0]?.['spec']).toEqual({
      tls: [{ hosts: ['a.com'], secretName: 'x' }],
      rules: [
        {
          host: 'a.com',
          http: {
            paths: [{ path: '/p', pathType: 'Prefix', backend: { service: { name: 'svc', port: { number: 80 } } } }],
          },
        },
      ],
    });
    expect(of('PodDisruptionBudget')[0]).toMatchObject({ spec: { minAvailable: '50%' } });
    expect(of('ResourceQuota')[0]?.['spec']).toEqual({ hard: { cpu: '1', pods: '2' } });
    expect(of('PriorityClass')[0]).toMatchObject({ value: -5 });
  });

  it('create token, auth can-i', () => {
    expect(of('TokenRequest')[0]?.['spec']).toEqual({ audiences: ['x'], expirationSeconds: 3600 });
    expect(of('SelfSubjectAccessReview')[0]).toMatchObject({
      spec: { resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } },
    });
  });
});

describe('values', () => {
  const pod = (fill: (spec: Writer) => void) =>
    decodeProtobuf(envelope('v1', 'Pod', (raw) => message(raw, 2, fill)))['spec'] as Record<string, unknown>;

  it('keeps explicit zeros of pointers and drops zeros of optional plain fields', () => {
    expect(pod((spec) => int(int(text(spec, 10, ''), 4, 0), 11, 0))).toEqual({ terminationGracePeriodSeconds: 0 });
  });

  it('reads negative int32 from ten bytes', () => {
    const value = decodeProtobuf(envelope('scheduling.k8s.io/v1', 'PriorityClass', (raw) => int(raw, 2, -5)));
    expect(value['value']).toBe(-5);
  });

  it('reads times, and none from an empty message', () => {
    const meta = (fill: (time: Writer) => void) =>
      decodeProtobuf(envelope('v1', 'ConfigMap', (raw) => message(raw, 1, (to) => message(to, 8, fill)))).metadata;
    expect(meta((time) => int(int(time, 1, 1714564800), 2, 5))).toEqual({ creationTimestamp: '2024-05-01T12:00:00Z' });
    expect(meta((time) => int(time, 1, 0))).toEqual({ creationTimestamp: '1970-01-01T00:00:00Z' });
    expect(meta(() => {})).toEqual({});
    const lease = decodeProtobuf(
      envelope('coordination.k8s.io/v1', 'Lease', (raw) =>
        message(raw, 2, (spec) => message(spec, 4, (time) => int(int(time, 1, 1714564800), 2, 5_000))),
      ),
    );
    expect(lease['spec']).toEqual({ renewTime: '2024-05-01T12:00:00.000005Z' });
  });

  it('lets later entries of a map win, also under hostile keys', () => {
    const { metadata } = decodeProtobuf(
      envelope('v1', 'ConfigMap', (raw) =>
        message(raw, 1, (to) => {
          for (const [key, value] of [
            ['a', '1'],
            ['a', '2'],
            ['__proto__', 'x'],
          ] as const)
            message(to, 11, (entry) => text(text(entry, 1, key), 2, value));
        }),
      ),
    );
    expect(Object.entries(metadata.labels ?? {})).toEqual([
      ['a', '2'],
      ['__proto__', 'x'],
    ]);
  });

  it('puts inlined messages into their parent', () => {
    const spec = pod((to) =>
      message(to, 1, (volume) => {
        text(volume, 1, 'v');
        message(volume, 2, (source) => message(source, 19, (map) => message(map, 1, (ref) => text(ref, 1, 'cm'))));
      }),
    );
    expect(spec).toEqual({ volumes: [{ name: 'v', configMap: { name: 'cm' } }] });
  });

  it('keeps empty messages behind pointers', () => {
    const spec = pod((to) =>
      message(to, 1, (volume) => {
        text(volume, 1, 'v');
        message(volume, 2, (source) => message(source, 2, () => {}));
      }),
    );
    expect(spec).toEqual({ volumes: [{ name: 'v', emptyDir: {} }] });
  });

  it('reads raw JSON, and objects with an envelope of their own', () => {
    const revision = (bytes: Buffer) =>
      decodeProtobuf(
        envelope('apps/v1', 'ControllerRevision', (raw) => {
          message(raw, 2, (data) => data.uint32(10).bytes(bytes));
          int(raw, 3, 7);
        }),
      );
    expect(revision(Buffer.from('{"a":[1]}'))).toMatchObject({ data: { a: [1] }, revision: 7 });
    expect(
      revision(envelope('v1', 'ConfigMap', (raw) => message(raw, 1, (meta) => text(meta, 1, 'in')))),
    ).toMatchObject({
      data: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'in' } },
    });
  });

  it('takes kind and version from the URL when the envelope has none', () => {
    const body = envelope('', '', (raw) => int(raw, 1, 0));
    expect(decodeProtobuf(body, { group: '', version: 'v1', kind: 'DeleteOptions' })).toMatchObject({
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      gracePeriodSeconds: 0,
    });
  });

  it('finds DeleteOptions under a group, and inside an Eviction', () => {
    const options = envelope('apps/v1', 'DeleteOptions', (raw) => text(raw, 4, 'Background'));
    expect(decodeProtobuf(options)).toMatchObject({ propagationPolicy: 'Background' });
    const eviction = envelope('policy/v1', 'Eviction', (raw) => message(raw, 2, (to) => int(to, 1, 3)));
    expect(decodeProtobuf(eviction)).toMatchObject({ deleteOptions: { gracePeriodSeconds: 3 } });
  });

  it('ignores fields it does not know', () => {
    expect(pod((spec) => text(int(text(spec, 900, 'x'), 901, 5), 10, 'n'))).toEqual({ nodeName: 'n' });
  });
});

describe('hostile bodies', () => {
  const good = envelope('v1', 'Pod', (raw) => message(raw, 1, (meta) => text(meta, 1, 'a-rather-long-name')));

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['another prefix', Buffer.from('{"kind":"Pod"}')],
    ['the prefix alone', Buffer.from('k8s\0')],
    ['a kind nobody knows', envelope('v1', 'Gadget', () => {})],
    ['a wrong wire type', envelope('v1', 'Pod', (raw) => int(raw, 1, 5))],
    ['field number 0', envelope('v1', 'Pod', (raw) => raw.uint32(2).string('x'))],
    ['a length beyond the end', envelope('v1', 'Pod', (raw) => raw.uint32(10).uint32(0x7fffffff))],
    [
      'broken JSON inside',
      envelope('apps/v1', 'ControllerRevision', (raw) => message(raw, 2, (to) => text(to, 1, '{'))),
    ],
    [
      'a time out of range',
      envelope('v1', 'Pod', (raw) => message(raw, 1, (to) => message(to, 8, (time) => int(time, 1, 1e17)))),
    ],
  ])('answers 400 to %s', (_, body) => {
    expect(codeOf(() => decodeProtobuf(body, { group: '', version: 'v1', kind: 'Pod' }))).toBe(400);
  });

  it('limits how deep messages and objects nest', () => {
    let schema = Buffer.alloc(0);
    for (let i = 0; i < 5000; i++) {
      const outer = writer();
      outer.uint32((28 << 3) | 2).bytes(schema);
      schema = Buffer.from(outer.finish());
    }
    const crd = envelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', (raw) =>
      message(raw, 2, (spec) =>
        message(spec, 7, (version) => message(version, 4, (to) => to.uint32(10).bytes(schema))),
      ),
    );
    expect(codeOf(() => decodeProtobuf(crd))).toBe(400);
    let object = good;
    for (let i = 0; i < 50; i++) {
      const inner = object;
      object = envelope('apps/v1', 'ControllerRevision', (raw) =>
        message(raw, 2, (data) => data.uint32(10).bytes(inner)),
      );
    }
    expect(codeOf(() => decodeProtobuf(object))).toBe(400);
  });

  it('answers every cut and every flipped byte with an object or a 400', () => {
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(good.length - 1), fc.nat(255), (length, at, byte) => {
        const body = Buffer.from(good.subarray(0, length));
        if (at < body.length) body[at] = byte;
        expect([undefined, 400]).toContain(codeOf(() => decodeProtobuf(body)));
      }),
    );
  });

  function codeOf(call: () => unknown): number | undefined {
    try {
      call();
      return undefined;
    } catch (error) {
      if (error instanceof StatusError) return error.code;
      throw error;
    }
  }
});

/** Writes JSON as a typed client would: the inverse of what is tested, by the same table. */
function encode(to: Writer, object: Record<string, unknown>, type: Message): void {
  for (const field of type.fields) {
    if (field.inline) message(to, field.number, (inner) => encode(inner, object, messageOf(field.type)));
    const value = object[field.json];
    if (value === undefined) continue;
    if (field.shape === 'list') for (const item of value as unknown[]) encodeValue(to, field, item);
    else if (field.shape === 'map') {
      for (const [key, item] of Object.entries(value as object))
        message(to, field.number, (entry) => encodeValue(text(entry, 1, key), { ...field, number: 2 }, item));
    } else encodeValue(to, field, value);
  }
}

function encodeValue(to: Writer, field: Field, value: unknown): void {
  if (field.type === 'string') text(to, field.number, value as string);
  else if (field.type === 'bytes') to.uint32((field.number << 3) | 2).bytes(Buffer.from(value as string, 'base64'));
  else if (field.type === 'bool') to.uint32(field.number << 3).bool(value as boolean);
  else if (field.type === 'double') to.uint32((field.number << 3) | 1).double(value as number);
  else if (field.scalar) int(to, field.number, value as number);
  else if (field.type === 'api.resource.Quantity')
    message(to, field.number, (inner) => text(inner, 1, value as string));
  else message(to, field.number, (inner) => encode(inner, value as Record<string, unknown>, messageOf(field.type)));
}

/** Values of a message that survive: nothing that is left out when empty is empty. */
function arbitrary(type: Message, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  const collect = (from: Message): void => {
    for (const field of from.fields) {
      if (field.inline) collect(messageOf(field.type));
      else {
        const value = arbitraryOf(field, depth);
        if (value !== undefined) fields[field.json] = value;
      }
    }
  };
  collect(type);
  return fc.record(fields, { requiredKeys: [] });
}

const plain = /^(core|apps|batch|rbac|networking|policy|storage|meta)\.v1\.|^api\.resource\.Quantity$/;

function arbitraryOf(field: Field, depth: number): fc.Arbitrary<unknown> | undefined {
  let value: fc.Arbitrary<unknown>;
  if (field.scalar) value = scalarOf(field.type);
  else if (field.type === 'api.resource.Quantity') value = fc.constantFrom('1', '500m', '2Gi');
  else if (depth === 0 || !plain.test(field.type) || /Time$|Duration$|FieldsV1$|Verbs$/.test(field.type))
    return undefined;
  else {
    // Decoders leave out what is empty, so nothing empty is asked for.
    value = arbitrary(messageOf(field.type), depth - 1).filter((object) => Object.keys(object).length > 0);
    if (messageOf(field.type).fields.every((inner) => arbitraryOf(inner, depth - 1) === undefined)) return undefined;
  }
  if (field.shape === 'list') return fc.array(value, { minLength: 1, maxLength: 2 });
  if (field.shape === 'map') return fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { minKeys: 1, maxKeys: 2 });
  return value;
}

function scalarOf(type: string): fc.Arbitrary<unknown> {
  switch (type) {
    case 'string':
      return fc.string({ minLength: 1, maxLength: 8 });
    case 'bytes':
      return fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'bool':
      return fc.constant(true);
    case 'double':
      return fc.constant(1.5);
    default:
      return fc.integer().filter((value) => value !== 0);
  }
}

describe('any object of a built-in kind', () => {
  const kinds = builtinResources().filter(({ type }) => plain.test(`${type.group.split('.')[0] || 'core'}.v1.`));

  it.each(kinds.map(({ type }) => [type.kind, type] as const))('%s reads back as it was written', (_, gvk) => {
    const type = messageOf(`${gvk.group.split('.')[0] || 'core'}.${gvk.version}.${gvk.kind}`);
    const apiVersion = gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`;
    fc.assert(
      fc.property(arbitrary(type, 3), (object) => {
        const body = envelope(apiVersion, gvk.kind, (raw) => encode(raw, object, type));
        expect(decodeProtobuf(body)).toEqual({ metadata: {}, ...object, apiVersion, kind: gvk.kind });
      }),
      { numRuns: rounds(15) },
    );
  });
});
