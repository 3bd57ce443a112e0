/**
 * YAML as Kubernetes' programs read it (sigs.k8s.io/yaml): plain scalars are those of YAML 1.1, so that `0644` is octal and `yes` is
 * true, but a time stays a text, and there are no numbers in base 60. Options for the library `yaml`.
 */
import type { ParseOptions, ScalarTag, SchemaOptions } from 'yaml';

const numeric =
  /^[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\.[0-9]+([eE][-+]?[0-9]+)?|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?)$/;

function numberOf(text: string): number {
  const plain = text.replaceAll('_', '').replace(/^[-+]/, '');
  // Digits beyond 7 make it decimal: 09 is nine.
  const value = /^0[0-7]+$/.test(plain) ? Number.parseInt(plain, 8) : Number(plain);
  return text.startsWith('-') ? -value : value;
}

const scalar = (type: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag => ({
  tag: `tag:yaml.org,2002:${type}`,
  default: true,
  test,
  resolve,
});

const tags = [
  scalar('bool', /^(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  scalar('bool', /^(n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  scalar('float', numeric, numberOf),
];

export const goYaml = {
  version: '1.1',
  schema: 'core',
  merge: true,
  customTags: (known) => [...tags, ...known],
} satisfies SchemaOptions & ParseOptions & { version: '1.1' };
