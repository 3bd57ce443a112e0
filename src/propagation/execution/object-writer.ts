/** Creates, updates and deletes one object in a member. Remembers what it wrote, to tell its own writes from others'. */
import { createHash } from 'node:crypto';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { type DeepReadonly, deepEqual, objectKey, refKey, type Unstructured } from '../../apimachinery/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import { unmarkPatch } from '../../apis/managed-metadata.ts';
import type { ResourceClient } from '../../client/client.ts';
import type { Interpreter } from '../../interpreter/interpreter.ts';
import type { MemberObjects } from '../member-objects.ts';
import type { PropagationMetrics } from '../metrics.ts';
import { liveObject } from '../write.ts';
import { adoptedPaths, assertMayUpdate, isManaged } from './adoption.ts';
import { createLiveReader } from './live-reader.ts';
import { asRefusal, type UpdateRefused } from './refusal.ts';
import { comparableForms, desiredObject } from './retain.ts';

type Shared = DeepReadonly<Unstructured>;

export interface WriteOutcome {
  wrote: 'created' | 'updated' | 'unchanged';
  /** As the member has it now. */
  object: Shared;
  /** The object was somebody else's before: paths of the fields that changed beside Karmada's own labels and annotations. */
  adopted?: string[];
}

export interface ObjectWriter {
  /** Makes the member's object what the manifest says. Sends nothing when it is already. @throws UpdateRefused */
  apply(cluster: string, type: ResourceType, manifest: Shared): Promise<WriteOutcome>;
  /** Deletes the object if Karmada manages it; absent is fine. */
  remove(cluster: string, type: ResourceType, manifest: Shared): Promise<void>;
  /** Lets the object go: takes Karmada's marks off, and changes nothing else. Absent, or let go already, is fine. */
  release(cluster: string, type: ResourceType, manifest: Shared): Promise<void>;
  /** resourceVersion of the last write or comparison, for telling one's own events. */
  recordedVersion(cluster: string, object: Shared): string | undefined;
  /** Forgets what is known of a cluster's objects. */
  forget(cluster: string): void;
}

const attempts = 5;

export function createObjectWriter(
  interpreter: Interpreter,
  members: MemberObjects,
  metrics: PropagationMetrics,
): ObjectWriter {
  const readLive = createLiveReader();
  const versions = new Map<string, Map<string, string>>();
  /** Pairs of (desired, observed) that a server has said to be the same, although they do not look it. */
  const settled = new Map<string, Map<string, string>>();
  /** Pairs of (desired, observed) that a server has refused. */
  const refused = new Map<string, Map<string, { forms: string; refusal: UpdateRefused }>>();

  const record = (cluster: string, object: Shared): void => {
    const version = object.metadata.resourceVersion;
    if (version !== undefined) entry(versions, cluster).set(recordKey(object), version);
  };
  const drop = (cluster: string, object: Shared): void => {
    versions.get(cluster)?.delete(recordKey(object));
    settled.get(cluster)?.delete(recordKey(object));
    refused.get(cluster)?.delete(recordKey(object));
  };

  /** From the cache of managed objects; what is not there is read live. */
  async function read(cluster: string, type: ResourceType, manifest: Shared): Promise<Shared | undefined> {
    const informer = await members.informer(cluster, type);
    const cached = informer.synced ? informer.get(objectKey(manifest)) : undefined;
    return cached ?? (await liveObject(await resource(cluster, type), manifest));
  }

  /** The same for who is about to write: an answer that is behind is found out by the write. */
  async function readForWrite(cluster: string, type: ResourceType, manifest: Shared): Promise<Shared | undefined> {
    const informer = await members.informer(cluster, type);
    if (!informer.synced) return await liveObject(await resource(cluster, type), manifest);
    return informer.get(objectKey(manifest)) ?? (await readLive(cluster, await resource(cluster, type), manifest));
  }

  async function resource(cluster: string, type: ResourceType): Promise<ResourceClient<Unstructured>> {
    return (await members.member(cluster)).client.resource<Unstructured>(type);
  }

  async function update(cluster: string, type: ResourceType, manifest: Shared, first: Shared): Promise<WriteOutcome> {
    const client = await resource(cluster, type);
    let observed = first;
    for (let attempt = 1; ; attempt++) {
      assertMayUpdate(manifest, observed, cluster);
      const desired = await desiredObject(interpreter, manifest, observed);
      const forms = comparableForms(desired, observed);
      if (deepEqual(forms.desired, forms.observed) || isSettled(cluster, observed, forms)) {
        record(cluster, observed);
        metrics.updated(targetOf(cluster, manifest), 'success', 'none');
        return { wrote: 'unchanged', object: observed };
      }
      throwIfRefused(cluster, observed, forms);
      try {
        const written = await client.update(desired);
        record(cluster, written);
        const after = comparableForms(desired, written);
        if (!deepEqual(after.desired, after.observed)) {
          // As it is compared the next time: with what the member's admission added.
          const next = comparableForms(await desiredObject(interpreter, manifest, written), written);
          entry(settled, cluster).set(recordKey(written), fingerprint(next));
        }
        const outcome =
          written.metadata.resourceVersion === observed.metadata.resourceVersion ? 'unchanged' : 'updated';
        metrics.updated(targetOf(cluster, manifest), 'success', outcome);
        refused.get(cluster)?.delete(recordKey(manifest));
        const result = { wrote: outcome, object: written } as const;
        return isManaged(observed) ? result : { ...result, adopted: adoptedPaths(observed, written) };
      } catch (error) {
        const behind = isConflict(error) || isNotFound(error);
        if (!behind || attempt === attempts) {
          metrics.updated(targetOf(cluster, manifest), 'error', 'none');
          const refusal = asRefusal(error, cluster, forms.desired, forms.observed);
          if (refusal !== undefined)
            entry(refused, cluster).set(recordKey(manifest), { forms: fingerprint(forms), refusal });
          throw refusal ?? error;
        }
      }
      const live = await liveObject(client, manifest);
      if (live === undefined) return await create(cluster, type, manifest);
      observed = live;
    }
  }

  async function create(cluster: string, type: ResourceType, manifest: Shared): Promise<WriteOutcome> {
    const client = await resource(cluster, type);
    try {
      const created = await client.create(manifest);
      record(cluster, created);
      metrics.created(targetOf(cluster, manifest), 'success');
      return { wrote: 'created', object: created };
    } catch (error) {
      if (!isAlreadyExists(error)) {
        metrics.created(targetOf(cluster, manifest), 'error');
        throw error;
      }
      const live = await liveObject(client, manifest);
      if (live === undefined) throw error;
      return await update(cluster, type, manifest, live);
    }
  }

  function isSettled(cluster: string, observed: Shared, forms: ReturnType<typeof comparableForms>): boolean {
    const known = settled.get(cluster)?.get(recordKey(observed));
    return known !== undefined && known === fingerprint(forms);
  }

  function throwIfRefused(cluster: string, observed: Shared, forms: ReturnType<typeof comparableForms>): void {
    const known = refused.get(cluster)?.get(recordKey(observed));
    if (known !== undefined && known.forms === fingerprint(forms)) throw known.refusal;
  }

  return {
    async apply(cluster, type, manifest) {
      const observed = await readForWrite(cluster, type, manifest);
      return observed === undefined
        ? await create(cluster, type, manifest)
        : await update(cluster, type, manifest, observed);
    },
    async remove(cluster, type, manifest) {
      const observed = await read(cluster, type, manifest);
      if (observed !== undefined && isManaged(observed)) {
        const { namespace, name = '', uid } = observed.metadata;
        try {
          await (await resource(cluster, type)).delete(
            { namespace, name },
            { propagationPolicy: 'Background', ...(uid === undefined ? {} : { preconditions: { uid } }) },
          );
        } catch (error) {
          if (!isNotFound(error)) {
            metrics.deleted(targetOf(cluster, manifest), 'error');
            throw error;
          }
        }
        metrics.deleted(targetOf(cluster, manifest), 'success');
      }
      drop(cluster, manifest);
    },
    async release(cluster, type, manifest) {
      const observed = await read(cluster, type, manifest);
      const patch = observed !== undefined && isManaged(observed) ? unmarkPatch(observed) : undefined;
      if (patch !== undefined) {
        const { namespace, name = '' } = manifest.metadata;
        try {
          await (await resource(cluster, type)).patch({ namespace, name }, 'merge', patch);
        } catch (error) {
          if (!isNotFound(error)) {
            metrics.updated(targetOf(cluster, manifest), 'error', 'none');
            throw error;
          }
        }
        metrics.updated(targetOf(cluster, manifest), 'success', 'updated');
      }
      drop(cluster, manifest);
    },
    recordedVersion: (cluster, object) => versions.get(cluster)?.get(recordKey(object)),
    forget(cluster) {
      versions.delete(cluster);
      settled.delete(cluster);
      refused.delete(cluster);
    },
  };
}

const targetOf = (cluster: string, { apiVersion, kind }: Shared) => ({ cluster, apiVersion, kind });

function recordKey(object: Shared): string {
  return `${object.apiVersion}|${object.kind}|${refKey({ namespace: object.metadata.namespace, name: object.metadata.name ?? '' })}`;
}

function fingerprint(forms: ReturnType<typeof comparableForms>): string {
  return createHash('sha1').update(JSON.stringify(forms)).digest('base64');
}

function entry<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let found = map.get(key);
  if (found === undefined) {
    found = new Map();
    map.set(key, found);
  }
  return found;
}
