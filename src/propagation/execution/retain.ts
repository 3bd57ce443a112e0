/** The object to be sent for a manifest when the member already has one, and whether sending it would change anything. Pure. */

import {
  cloneJson,
  type DeepReadonly,
  deepEqual,
  type ObjectMeta,
  type Unstructured,
} from '../../apimachinery/object.ts';
import { managedAnnotationsAnnotation, managedLabelsAnnotation } from '../../apis/constants.ts';
import { pruneManifest } from '../../apis/prune-manifest.ts';
import type { Interpreter } from '../../interpreter/interpreter.ts';

type Shared = DeepReadonly<Unstructured>;
type Fields = Record<string, unknown>;

/** The manifest with what the member owns: version, finalizers, owners, foreign labels and annotations, and the kind's own rules. */
export async function desiredObject(
  interpreter: Interpreter,
  manifest: Shared,
  observed: Shared,
): Promise<Unstructured> {
  const desired = cloneJson<Unstructured>(manifest);
  const { resourceVersion, finalizers, ownerReferences } = observed.metadata;
  const metadata: ObjectMeta = { ...desired.metadata };
  if (resourceVersion !== undefined) metadata.resourceVersion = resourceVersion;
  if (finalizers !== undefined) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
  if (ownerReferences !== undefined)
    metadata.ownerReferences = cloneJson(ownerReferences) as ObjectMeta['ownerReferences'] & object;
  else delete metadata.ownerReferences;
  const ours = observed.metadata.annotations;
  metadata.labels = retained(desired.metadata.labels, observed.metadata.labels, ours?.[managedLabelsAnnotation]);
  metadata.annotations = retained(desired.metadata.annotations, ours, ours?.[managedAnnotationsAnnotation]);
  desired.metadata = metadata;
  const retain = interpreter.find(manifest, 'Retain');
  return retain === undefined ? desired : await retain(desired, observed);
}

/** Foreign keys stay; keys that an earlier manifest brought (they are listed) and this one does not are dropped. */
function retained(
  desired: Readonly<Record<string, string>> | undefined,
  observed: Readonly<Record<string, string>> | undefined,
  broughtKeys: string | undefined,
): Record<string, string> {
  const brought = new Set((broughtKeys ?? '').split(','));
  const result: Record<string, string> = { ...desired };
  for (const key in observed) if (!(key in result) && !brought.has(key)) result[key] = observed[key] as string;
  return result;
}

/** The two objects without what the server owns: equal means that a PUT of `desired` would change nothing. */
export function comparableForms(desired: Shared, observed: Shared): { desired: Unstructured; observed: Unstructured } {
  const left = comparable(desired);
  const right = comparable(observed);
  if (desired.kind === 'Service' && desired.apiVersion === 'v1') carryOverAllocations(left, right);
  return { desired: left, observed: right };
}

export function isUnchanged(desired: Shared, observed: Shared): boolean {
  const forms = comparableForms(desired, observed);
  return deepEqual(forms.desired, forms.observed);
}

function comparable(object: Shared): Unstructured {
  const pruned = pruneManifest(cloneJson<Unstructured>(object));
  // Pruning drops annotations of the member's own controllers; here they count like any other.
  const { name = '', namespace = '', labels = {}, annotations = {} } = object.metadata;
  pruned.metadata = { name, namespace, labels: { ...labels }, annotations: { ...annotations } };
  return pruned;
}

/** An API server keeps these fields of a Service when an update leaves them out. */
function carryOverAllocations(desired: Unstructured, observed: Unstructured): void {
  const to = desired['spec'] as Fields | undefined;
  const from = observed['spec'] as Fields | undefined;
  if (to === undefined || from === undefined) return;
  for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'healthCheckNodePort'])
    if (to[key] === undefined && from[key] !== undefined && to['type'] !== 'ExternalName') to[key] = from[key];
  const allocated = to['type'] === 'NodePort' || to['type'] === 'LoadBalancer';
  if (!allocated || !Array.isArray(to['ports']) || !Array.isArray(from['ports'])) return;
  const byPort = new Map((from['ports'] as Fields[]).map((port) => [portKey(port), port['nodePort']]));
  for (const port of to['ports'] as Fields[]) {
    const nodePort = byPort.get(portKey(port));
    if (port['nodePort'] === undefined && nodePort !== undefined) port['nodePort'] = nodePort;
  }
}

const portKey = (port: Fields): string => `${String(port['protocol'] ?? 'TCP')}/${String(port['port'])}`;
