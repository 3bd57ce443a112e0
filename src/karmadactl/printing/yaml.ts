/** A module of its own, so that the library is loaded only by who prints YAML. */
import { stringify } from 'yaml';

export const formatYaml = (value: unknown): string => stringify(value, { indentSeq: false, lineWidth: 0 });
