/** Each operation as a request to a webhook: what is sent, and what its answer must hold. */
import { gvkOf } from '../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import { applyJsonPatch, parseJsonPatch } from '../../apimachinery/patch/json.ts';
import type {
  ResourceInterpreterRequest,
  ResourceInterpreterResponse,
} from '../../apis/config/v1alpha1/resource-interpreter-context.ts';
import { checkReference } from '../dependent-references.ts';
import type { InterpreterOperation, InterpreterOperations } from '../interpreter.ts';

type Shared = DeepReadonly<Unstructured>;
type Inputs = Pick<ResourceInterpreterRequest, 'observedObject' | 'aggregatedStatus'> & { replicas?: number };

/** Asks the webhook; only successful answers come back. */
export type Ask = (request: Omit<ResourceInterpreterRequest, 'uid'>) => Promise<ResourceInterpreterResponse>;

export function webhookOperations(ask: Ask): InterpreterOperations {
  const send = (operation: InterpreterOperation, object: Shared, inputs: Inputs = {}) => {
    const { namespace, name = '' } = object.metadata;
    const { group, version, kind } = gvkOf(object);
    return ask({
      kind: { group, version, kind },
      name,
      ...(namespace ? { namespace } : {}),
      operation,
      object,
      replicas: 0,
      ...inputs,
    });
  };
  const patched = async (operation: InterpreterOperation, object: Shared, inputs: Inputs): Promise<Unstructured> =>
    applyPatch(object, await send(operation, object, inputs));
  return {
    async InterpretReplica(object) {
      const { replicas, replicaRequirements } = await send('InterpretReplica', object);
      if (replicas === undefined || replicas === null) throw new Error('webhook returned nil response.replicas');
      return replicaRequirements ? { replicas, requirements: replicaRequirements } : { replicas };
    },
    async InterpretComponent(object) {
      return (await send('InterpretComponent', object)).components ?? [];
    },
    ReviseReplica: (object, replicas) => patched('ReviseReplica', object, { replicas }),
    Retain: (desired, observed) => patched('Retain', desired, { observedObject: observed }),
    AggregateStatus: (object, items) => patched('AggregateStatus', object, { aggregatedStatus: items }),
    async InterpretStatus(object) {
      const { rawStatus } = await send('InterpretStatus', object);
      if (rawStatus === undefined || rawStatus === null) throw new Error('webhook returned nill response.rawStatus');
      return rawStatus;
    },
    async InterpretHealth(object) {
      const { healthy } = await send('InterpretHealth', object);
      if (typeof healthy !== 'boolean') throw new Error('webhook returned nil response.healthy');
      return healthy;
    },
    async InterpretDependency(object) {
      const { dependencies } = await send('InterpretDependency', object);
      return (dependencies ?? []).map(checkReference);
    },
  };
}

function applyPatch(object: Shared, { patch, patchType }: ResourceInterpreterResponse): Unstructured {
  const given = patch !== undefined && patch !== null && patch !== '';
  if (patchType === undefined || patchType === null) {
    if (given) throw new Error('webhook returned nil response.patchType');
    return cloneJson<Unstructured>(object);
  }
  if (!given) throw new Error('webhook returned empty response.patch');
  if (patchType !== 'JSONPatch')
    throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  const operations = parseJsonPatch(JSON.parse(Buffer.from(patch, 'base64').toString()));
  return applyJsonPatch(object, operations) as Unstructured;
}
