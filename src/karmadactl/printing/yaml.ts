/** A module of its own, so that the library is loaded only by who prints YAML. */
import { stringify } from 'yaml';

/** Fields in the order of their names, as kubectl prints them. Version 1.1 quotes what others would read as a time or as `yes`. */
export const formatYaml = (value: unknown): string =>
  stringify(value, {
    indentSeq: false,
    lineWidth: 0,
    sortMapEntries: true,
    aliasDuplicateObjects: false,
    version: '1.1',
  });
