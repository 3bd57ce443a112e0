/** GET of one object. */
import { badRequest } from '../../apimachinery/status-error.ts';
import { encodeObject } from '../encoding.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { ApiResponse } from '../request.ts';
import { type EndpointContext, encodingOf } from './context.ts';
import { scaleOf, scaleReply } from './scale.ts';

/** Milliseconds a read waits for a revision that this server has not seen yet. */
export const revisionWait = 3000;

export async function getObject(context: EndpointContext): Promise<ApiResponse> {
  const { definition, registry, info } = context;
  const stored = await readObject(context);
  if (info.subresource === 'scale') return scaleReply(context, scaleOf(definition, stored.objectFor(definition)));
  return encodeObject(encodingOf(context), 200, () => stored.objectFor(registry.definition), stored);
}

async function readObject({ request, registry, info }: EndpointContext): Promise<StoredObject> {
  const revision = parseResourceVersion(request.query.get('resourceVersion'));
  if (revision !== undefined && revision > 0)
    await registry.objects.feed.notOlderThan(revision, revisionWait, request.signal);
  return registry.get({ namespace: info.namespace, name: info.name });
}

/** Undefined when unset. Throws 400 for anything but a decimal number. */
export function parseResourceVersion(value: string | null): number | undefined {
  if (value === null || value === '') return undefined;
  if (!/^\d{1,15}$/.test(value)) {
    const text = JSON.stringify(value);
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${text}: strconv.ParseUint: parsing ${text}: invalid syntax`,
    );
  }
  return Number(value);
}
