import { describe, expect, it } from 'vitest';
import { objectPrinter, type PrintValues } from './objects.ts';
import { sortByPath } from './sort.ts';

const type = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
const pod = (name: string, restarts: number, image: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { 'app.kubernetes.io/name': 'web' }, managedFields: [] },
  spec: {
    containers: [
      { name: 'a', image },
      { name: 'b', image: 'side' },
    ],
  },
  status: { phase: 'Running', restarts, conditions: [{ type: 'Ready', status: 'True' }] },
});
const items = [
  { type, object: pod('p1', 3, 'nginx:1') },
  { type, object: pod('p2', 0, 'nginx:2') },
];

async function print(output: string, alone = true, more: Partial<PrintValues> = {}): Promise<string> {
  const values = { output, template: '', 'allow-missing-template-keys': true, 'show-managed-fields': false, ...more };
  const printer = await objectPrinter(values, ['wide', 'custom-columns']);
  const copies = structuredClone(alone ? items.slice(0, 1) : items);
  return (await printer?.(copies, alone)) ?? 'a table';
}

/** Taken from kubectl 1.35 with the same objects. */
const cases: [string, string, boolean][] = [
  ['name', 'pod/p1\npod/p2\n', false],
  ['jsonpath={.metadata.name}', 'p1', true],
  ['jsonpath={$.metadata.name}', 'p1', true],
  ['jsonpath={.items[*].metadata.name}', 'p1 p2', false],
  ['jsonpath={range .items[*]}{.metadata.name}{"\\t"}{.status.restarts}{"\\n"}{end}', 'p1\t3\np2\t0\n', false],
  ['jsonpath=name is {.metadata.name}!', 'name is p1!', true],
  ['jsonpath={.metadata.labels}', '{"app.kubernetes.io/name":"web"}', true],
  ['jsonpath={.metadata.labels.app\\.kubernetes\\.io/name}', 'web', true],
  ['jsonpath={.spec.containers[?(@.name=="b")].image}', 'side', true],
  ["jsonpath={.metadata['name']}", 'p1', true],
  ['jsonpath={.metadata.name} {.none}', 'p1 ', true],
  ['jsonpath-as-json={.spec.containers[*].name}', '[\n    "a",\n    "b"\n]\n', true],
  [
    'custom-columns=NAME:.metadata.name,IMAGES:.spec.containers[*].image,NONE:.x',
    'NAME   IMAGES         NONE\np1     nginx:1,side   <none>\np2     nginx:2,side   <none>\n',
    false,
  ],
  ['custom-columns=N:metadata.name', 'N\np1\n', true],
  ['go-template={{.metadata.name}}', 'p1', true],
  ['go-template={{range .items}}{{.metadata.name}} {{end}}', 'p1 p2 ', false],
  ['go-template={{range $i, $p := .items}}{{$i}}={{$p.metadata.name}};{{end}}', '0=p1;1=p2;', false],
  ['go-template={{ .none }}', '<no value>', true],
  ['go-template={{if eq .status.phase "Running"}}up{{else}}down{{end}}', 'up', true],
  ['go-template={{with .metadata}}{{.name}}{{end}}', 'p1', true],
  ['go-template={{len .spec.containers}} {{index .metadata.labels "app.kubernetes.io/name"}}', '2 web', true],
  ['go-template={{(index .spec.containers 1).image | printf "%-6s|"}}', 'side  |', true],
  ['go-template={{- range .status.conditions -}} {{.type}}={{.status}} {{- end}}', 'Ready=True', true],
  ['go-template={{range .spec.containers}}{{if eq .name "b"}}{{break}}{{end}}{{.name}}{{end}}', 'a', true],
  ['go-template={{"aGk=" | base64decode}}', 'hi', true],
  [
    'go-template={{$n := .metadata.name}}{{if and .status (gt .status.restarts 2)}}{{$n}}{{else if .x}}x{{end}}',
    'p1',
    true,
  ],
];

describe('-o', () => {
  it.each(cases)('%s', async (output, expected, alone) => {
    expect(await print(output, alone)).toBe(expected);
  });

  it('prints Lists, and leaves managedFields out', async () => {
    const list = JSON.parse(await print('json', false)) as { kind: string; items: { metadata: object }[] };
    expect(list).toMatchObject({ kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '' } });
    expect(list.items[0]?.metadata).not.toHaveProperty('managedFields');
  });

  it('prints KYAML', async () => {
    expect(await print('kyaml')).toBe(`---
{
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "p1",
    labels: {
      app.kubernetes.io/name: "web",
    },
  },
  spec: {
    containers: [{
      name: "a",
      image: "nginx:1",
    }, {
      name: "b",
      image: "side",
    }],
  },
  status: {
    phase: "Running",
    restarts: 3,
    conditions: [{
      type: "Ready",
      status: "True",
    }],
  },
}
`);
  });

  it('leaves out the heads where that is asked for', async () => {
    expect(await print('custom-columns=A:.metadata.name', false, { 'no-headers': true })).toBe('p1\np2\n');
  });

  it.each([
    [
      'xml',
      'unable to match a printer suitable for the output format "xml", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml',
    ],
    ['jsonpath={.a', 'error parsing jsonpath {.a, unclosed action'],
    ['custom-columns=', 'custom-columns format specified but no custom columns given'],
    ['custom-columns=A', 'unexpected custom-columns spec: A, expected <header>:<json-path-expr>'],
    ['go-template={{nope .}}', 'error parsing template {{nope .}}, function "nope" not defined'],
    ['go-template={{if .a}}', 'error parsing template {{if .a}}, unexpected EOF: {{if}} has no {{end}}'],
  ])('refuses %s', async (output, message) => {
    await expect(print(output)).rejects.toThrow(message);
  });

  it('tells what is missing where that is not allowed', async () => {
    const strict = { 'allow-missing-template-keys': false };
    await expect(print('jsonpath={.none}', true, strict)).rejects.toThrow(
      'error executing jsonpath "{.none}": none is not found',
    );
    await expect(print('go-template={{.none}}', true, strict)).rejects.toThrow('map has no entry for key "none"');
  });
});

describe('--sort-by', () => {
  const named = (value: unknown) => ({ metadata: { name: value } });
  it.each([
    [
      ['b', 'a10', 'a2'],
      ['a2', 'a10', 'b'],
    ],
    [
      [10, 9, 1],
      [1, 9, 10],
    ],
    [
      ['1Gi', '500Mi', '2Gi'],
      ['500Mi', '1Gi', '2Gi'],
    ],
    [
      ['b', undefined, 'a'],
      [undefined, 'a', 'b'],
    ],
  ])('%j', (given, expected) => {
    expect(
      sortByPath(given.map(named), (each) => each, '{.metadata.name}').map(({ metadata }) => metadata.name),
    ).toEqual(expected);
  });
  it('refuses a field that nobody has', () => {
    expect(() => sortByPath([named('a')], (each) => each, '.spec.x')).toThrow(
      'couldn\'t find any field with path "{.spec.x}" in the list of objects',
    );
  });
});
