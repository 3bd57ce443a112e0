/** Deleting objects: the flags of it, what is sent, and the wait until they are gone. */
import { systemClock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { ObjectRef } from '../apimachinery/object.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Client, DeleteOptions } from '../client/client.ts';
import { type Flag, FlagError, flag } from '../component/flags.ts';
import { isFalse, isTrue } from './write-flags.ts';

const policies = { background: 'Background', orphan: 'Orphan', foreground: 'Foreground' } as const;

type Cascade = keyof typeof policies;

const cascadeFlag: Flag<Cascade> = {
  type: 'string',
  usage:
    'Must be "background", "orphan", or "foreground". Selects the deletion cascading strategy for the dependents (e.g. Pods created by a ReplicationController).',
  defaultValue: 'background',
  bare: 'background',
  parse(text) {
    if (isTrue(text)) return 'background';
    if (isFalse(text)) return 'orphan';
    if (text in policies) return text as Cascade;
    throw new FlagError(`invalid cascade value (${text}). Must be "background", "foreground", or "orphan"`, {
      plain: true,
    });
  },
  notice: (text) =>
    isTrue(text) || isFalse(text)
      ? `--cascade=${text} is deprecated (boolean value) and can be replaced with --cascade=${isTrue(text) ? 'background' : 'orphan'}.`
      : undefined,
  format: (value) => JSON.stringify(value),
};

export const deletionFlags = {
  cascade: cascadeFlag,
  'grace-period': flag.int(
    -1,
    'Period of time in seconds given to the resource to terminate gracefully. Ignored if negative. Can only be set to 0 when --force is true (force deletion).',
  ),
  force: flag.bool(
    false,
    'If true, immediately remove resources from API and bypass graceful deletion. Note that immediate deletion of some resources may result in inconsistency or data loss and requires confirmation.',
  ),
  timeout: flag.duration(0, 'The length of time to wait before giving up on a delete, zero means as long as it takes.'),
};

/** What a DELETE says. `grace`: in seconds; negative: the server decides. */
export const deletionOptions = (cascade: Cascade, grace: number): DeleteOptions => ({
  propagationPolicy: policies[cascade],
  ...(grace < 0 ? {} : { gracePeriodSeconds: grace }),
});

/** `timeoutMs` 0: as long as it takes. */
export async function waitUntilGone(
  client: Client,
  objects: readonly { type: ResourceType; ref: ObjectRef }[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = timeoutMs > 0 ? systemClock.now() + timeoutMs : Number.POSITIVE_INFINITY;
  for (const { type, ref } of objects) {
    for (let delay = 20; ; delay = Math.min(delay * 2, 1000)) {
      try {
        await client.resource(type).get(ref, { signal });
      } catch (error) {
        if (isNotFound(error)) break;
        throw error;
      }
      if (systemClock.now() > deadline)
        throw new Error(`timed out waiting for the condition on ${type.resource}/${ref.name}`);
      await systemClock.sleep(delay, signal);
    }
  }
}
