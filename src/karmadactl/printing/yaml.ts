/** A module of its own, so that the library is loaded only by who prints YAML. */
import { stringify } from 'yaml';

/** Fields in the order of their names, as kubectl prints them. */
export const formatYaml = (value: unknown): string =>
  stringify(value, { indentSeq: false, lineWidth: 0, sortMapEntries: true, aliasDuplicateObjects: false });
