/** CustomResourceDefinitions: names and conversion by default, columns. Serving them is the API server's work. */
import type { KindBehaviour } from '../kind.ts';
import { createdAtColumn, nameColumn } from '../printing/formats.ts';
import type { CustomResourceDefinition } from '../types.ts';

export const customResourceDefinition: KindBehaviour = {
  default(object) {
    const { spec } = object as unknown as CustomResourceDefinition;
    if (spec === undefined) return;
    if (spec.names !== undefined) {
      if (!spec.names.singular && spec.names.kind) spec.names.singular = spec.names.kind.toLowerCase();
      if (!spec.names.listKind && spec.names.kind) spec.names.listKind = `${spec.names.kind}List`;
    }
    spec.conversion ??= { strategy: 'None' };
    const service = spec.conversion.webhook?.clientConfig?.service;
    if (service !== undefined) service.port ??= 443;
  },
  columns: [nameColumn, createdAtColumn],
};
