/** What `kubectl explain works` says. */
import type { FieldTexts } from '../../describe-fields.ts';

export const workTexts: FieldTexts = {
  '': 'Objects for one member cluster: the one whose execution space (namespace karmada-es-<cluster>) it stands in.',
  'spec.workload.manifests': 'The objects as they are to be in the member.',
  'spec.suspendDispatching': 'True: nothing is sent to the member; its status is still collected.',
  'spec.preserveResourcesOnDeletion': 'True: deleting the Work leaves the objects in the member.',
  'status.conditions': 'Applied: whether the member has the objects. Dispatching: whether they are sent at all.',
  'status.manifestStatuses': 'What the member says of each object.',
};
