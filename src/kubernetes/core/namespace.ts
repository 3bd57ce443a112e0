/** Namespaces: the finalizer and label every one has, phase, columns. */
import { dns1123LabelErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { Namespace } from '../types.ts';

const { column } = columnsOf<Namespace>();
type Typed = DeepReadonly<Namespace>;

export const namespace: KindBehaviour = {
  default(object) {
    labelWithName(object as unknown as Namespace);
  },
  prepareForCreate(object) {
    const typed = object as unknown as Namespace;
    // A generated name was not known before.
    labelWithName(typed);
    typed.status = { phase: 'Active' };
    typed.spec ??= {};
    const spec = typed.spec;
    if (!spec.finalizers?.includes('kubernetes')) spec.finalizers = [...(spec.finalizers ?? []), 'kubernetes'];
  },
  prepareForUpdate(object, old) {
    const typed = object as unknown as Namespace;
    // Only /finalize changes them.
    const finalizers = (old as Typed).spec?.finalizers;
    if (finalizers === undefined) delete typed.spec;
    else typed.spec = { ...typed.spec, finalizers: [...finalizers] };
  },
  validateName: (name) => dns1123LabelErrors(name)[0],
  warnings({ metadata }) {
    return metadata.name?.includes('.')
      ? [
          'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: must not contain dots',
        ]
      : [];
  },
  selectableFields: {
    'status.phase': (object) => (object as Typed).status?.phase ?? '',
    name: (object) => object.metadata.name ?? '',
  },
  columns: [nameColumn, column('Status', ({ status }) => status?.phase ?? ''), ageColumn],
};

/** Always enforced, so that namespaces can be selected by name. */
function labelWithName({ metadata }: Namespace): void {
  if (metadata.name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
}
