/** A Pod's priority comes from its PriorityClass, or from the class that is the global default. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { forbidden } from '../../apimachinery/status-error.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { AdmissionPlugin } from './plugin.ts';

interface PriorityClass {
  metadata: { name?: string };
  value?: number;
  globalDefault?: boolean;
  preemptionPolicy?: string;
}

const priorityClasses = { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' };

export function createPriority(catalog: ResourceCatalog): AdmissionPlugin {
  const find = async (name: string): Promise<DeepReadonly<PriorityClass> | undefined> => {
    const reader = catalog.reader(priorityClasses);
    return (reader.cached({ name }) ?? (await reader.get({ name }))) as DeepReadonly<PriorityClass> | undefined;
  };
  /** The lowest of the classes that claim to be the default. Cost: the number of classes, a handful. */
  const defaultClass = async (): Promise<DeepReadonly<PriorityClass> | undefined> => {
    const classes = (await catalog.reader(priorityClasses).list()) as readonly DeepReadonly<PriorityClass>[];
    return classes
      .filter(({ globalDefault }) => globalDefault === true)
      .sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
  };
  return {
    name: 'Priority',
    handles: ({ operation, type, subresource }) =>
      operation === 'CREATE' && subresource === '' && type.group === '' && type.resource === pods.resource,
    async admit({ object, name }) {
      const pod = object as unknown as Pod;
      const spec = pod.spec;
      if (spec === undefined) return;
      const refuse = (why: string) => forbidden(pods, name || (pod.metadata.name ?? ''), why);
      let chosen: DeepReadonly<PriorityClass> | undefined;
      if (spec.priorityClassName) {
        chosen = await find(spec.priorityClassName);
        if (chosen === undefined) throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`);
      } else {
        chosen = await defaultClass();
        if (chosen?.metadata.name !== undefined) spec.priorityClassName = chosen.metadata.name;
      }
      const priority = chosen?.value ?? 0;
      if (spec.priority !== undefined && spec.priority !== priority)
        throw refuse(
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
        );
      spec.priority = priority;
      const policy = chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
        throw refuse(
          `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
        );
      spec.preemptionPolicy = policy;
    },
  };
}
