/** v1 PersistentVolumeClaim and PersistentVolume. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem } from '../interpreter.ts';
import { fieldsAt, type KindInterpreter, type Shared, textAt, withStatus } from './kind-interpreter.ts';

export const persistentVolumeClaim: KindInterpreter = {
  Retain: (desired, observed) => retainSpecField(desired, observed, 'volumeName'),
  AggregateStatus(object, items) {
    if (items.length === 0) return cloneJson<Unstructured>(object);
    let phase = 'Bound';
    for (const item of items) {
      if (item.status === undefined || item.status === null) continue;
      const reported = textAt(item.status, 'phase');
      if (reported === 'Lost') {
        phase = 'Lost';
        break;
      }
      if (reported !== 'Bound') phase = reported;
    }
    return withStatus(object, phase === '' ? {} : { phase });
  },
  InterpretHealth: (object) => textAt(fieldsAt(object, 'status'), 'phase') === 'Bound',
};

const worstFirst = ['Failed', 'Pending', 'Available', 'Bound', 'Released'];

export const persistentVolume: KindInterpreter = {
  Retain: (desired, observed) => retainSpecField(desired, observed, 'claimRef'),
  AggregateStatus(object, items: readonly AggregatedItem[]) {
    if (items.length === 0) return cloneJson<Unstructured>(object);
    const phases = new Set(
      items.map((item) =>
        item.status === undefined || item.status === null ? 'Pending' : textAt(item.status, 'phase'),
      ),
    );
    const phase = worstFirst.find((candidate) => phases.has(candidate));
    return withStatus(object, phase === undefined ? {} : { phase });
  },
};

/** Binding happens in the member. */
function retainSpecField(desired: Shared, observed: Shared, field: string): Unstructured {
  const copy = cloneJson<Unstructured>(desired);
  const value = fieldsAt(observed, 'spec')?.[field];
  if (value === undefined || value === null || value === '') return copy;
  copy['spec'] = { ...(copy['spec'] as object | undefined), [field]: cloneJson(value) };
  return copy;
}
