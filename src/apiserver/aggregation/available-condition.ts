/** The condition Available of an APIService. */
import type { Clock } from '../../apimachinery/clock.ts';
import { hasCondition, setCondition } from '../../apimachinery/conditions.ts';
import { type Condition, cloneJson } from '../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { type ApiService, apiServices } from '../../kubernetes/apiregistration/api-service.ts';

/** Nothing is written when nothing changed. */
export async function writeCondition(
  client: Client,
  name: string,
  condition: Omit<Condition, 'lastTransitionTime'>,
  clock: Clock,
): Promise<void> {
  const resource = client.resource<ApiService>(apiServices.type);
  try {
    const stored = await resource.get({ name });
    if (hasCondition(stored.status?.conditions, condition)) return;
    const conditions = setCondition(stored.status?.conditions, condition, clock.now());
    await resource.updateStatus({ ...cloneJson<ApiService>(stored as ApiService), status: { conditions } });
  } catch (error) {
    // Gone, or changed meanwhile: then it is looked at again anyway.
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}
