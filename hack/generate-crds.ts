/** Writes config/crds/*.yaml from the schemas in src/apis. `npm run generate`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { karmadaCustomResourceDefinitions } from '../src/apis/crd.ts';

export const crdFolder = new URL('../config/crds/', import.meta.url);

/** File name → content. */
export function crdFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const crd of karmadaCustomResourceDefinitions()) {
    const { group, names } = crd['spec'] as { group: string; names: { plural: string } };
    files.set(
      `${group}_${names.plural}.yaml`,
      stringify(crd, { aliasDuplicateObjects: false, indentSeq: false, lineWidth: 0 }),
    );
  }
  return files;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  mkdirSync(crdFolder, { recursive: true });
  for (const [name, content] of crdFiles()) writeFileSync(join(crdFolder.pathname, name), content);
}
