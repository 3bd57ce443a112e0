/** `pods/binding` and the older `bindings`: a scheduler gives a Pod its node, once. */

import type { Clock } from '../../apimachinery/clock.ts';
import { formatTime } from '../../apimachinery/clock.ts';
import { type Condition, cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { badRequest, conflict, fieldError, invalid, notFound } from '../../apimachinery/status-error.ts';
import { schemaOf } from '../../kubernetes/field-schema.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import { decodeBody } from '../decoding.ts';
import type { VirtualResource } from '../endpoints/special-routes.ts';
import type { Ending } from '../linked-abort.ts';
import type { Catalog } from '../registry/catalog.ts';
import { overOf } from '../request.ts';
import type { ConnectHandler } from '../server.ts';
import { isDryRun, success } from './status-reply.ts';

export function createBindingHandler(catalog: Catalog, clock: Clock): ConnectHandler {
  return {
    group: '',
    version: 'v1',
    resource: pods.resource,
    subresource: 'binding',
    methods: ['POST'],
    kind: bindingKind.kind,
    async handle({ request, user, namespace, name }) {
      const { object } = await decodeBody(request, { type: bindingKind, typed: true, schema: schemaOf(bindingKind) });
      if (object.metadata.name && object.metadata.name !== name)
        throw badRequest(
          `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
        );
      object.metadata.name = name;
      object.metadata.namespace = namespace;
      await bind(object, { catalog, clock, user, dryRun: isDryRun(request), over: overOf(request) });
      return { status: 201, headers: { 'content-type': 'application/json' }, body: JSON.stringify(success) };
    },
  };
}

export function createBindingResource(catalog: Catalog, clock: Clock): VirtualResource {
  return {
    type: { ...bindingKind, resource: 'bindings', namespaced: true },
    singular: 'binding',
    get schema() {
      return schemaOf(bindingKind);
    },
    async create(object, { user, dryRun }) {
      await bind(object, { catalog, clock, user, dryRun, over: { aborted: false } });
      return success as unknown as Unstructured;
    },
  };
}

const bindingKind = { group: '', version: 'v1', kind: 'Binding' };

interface BindContext {
  catalog: Catalog;
  clock: Clock;
  user: UserInfo;
  dryRun: boolean;
  over: Ending;
}

async function bind(binding: Unstructured, { catalog, clock, user, dryRun, over }: BindContext): Promise<void> {
  const { name = '', namespace } = binding.metadata;
  const target = binding['target'] as { kind?: string; name?: string } | undefined;
  const errors = [];
  if (target?.kind && target.kind !== 'Node' && target.kind !== 'Minion')
    errors.push(fieldError.notSupported('target.kind', target.kind, ['Node', '<empty>']));
  if (!target?.name) errors.push(fieldError.required('target.name'));
  if (errors.length > 0) throw invalid(bindingKind, name, errors);
  const registry = catalog.registry(pods);
  if (registry === undefined) throw notFound(pods, name);
  // A status write: what users may change of a Pod's spec does not apply here, and the generation stays.
  await registry.update(
    { namespace, name },
    {
      user,
      dryRun,
      fieldManager: undefined,
      subresource: 'status',
      over,
      warn: () => {},
      compute: (old) => assigned(old as DeepReadonly<Pod>, binding, target?.name ?? '', clock.now()),
    },
  );
}

/** The Pod on its node, with the binding's labels and annotations. Throws 409 when it may not be bound. */
function assigned(old: DeepReadonly<Pod>, binding: Unstructured, node: string, now: number): Unstructured {
  const { name = '', uid, labels, annotations } = binding.metadata;
  const refuse = (why: string) => conflict({ group: '', resource: 'pods/binding' }, name, why);
  if (uid !== undefined && uid !== '' && uid !== old.metadata.uid)
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`);
  if (old.metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (old.spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(old.spec.nodeName)}`);
  if ((old.spec?.schedulingGates?.length ?? 0) > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const pod = cloneJson<Pod>(old as Pod);
  delete pod.metadata.resourceVersion;
  if (annotations !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  if (labels !== undefined) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  if (pod.spec !== undefined) pod.spec.nodeName = node;
  const conditions = (pod.status?.conditions ?? []) as unknown as Condition[];
  const others = conditions.filter(({ type }) => type !== 'PodScheduled');
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: formatTime(now) };
  pod.status = { ...pod.status, conditions: [...others, scheduled] } as unknown as NonNullable<Pod['status']>;
  return pod as unknown as Unstructured;
}
