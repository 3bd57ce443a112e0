/**
 * The write path of one served kind:
 *   clean ▸ default ▸ owners of fields ▸ admit (mutate) ▸ stamp ▸ claims of hooks ▸ validate ▸ admit (validate) ▸ one store transaction.
 * An update reads the newest state, computes, and commits only if nobody came in between; else it starts over.
 */
import { sameOwnership } from '../../apimachinery/apply/managed-fields.ts';
import type { Elsewhere, Writer } from '../../apimachinery/apply/track-update.ts';
import type { Clock } from '../../apimachinery/clock.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import { generateName } from '../../apimachinery/names.ts';
import {
  cloneJson,
  type DeepReadonly,
  deepEqual,
  type ObjectRef,
  type Unstructured,
} from '../../apimachinery/object.ts';
import type { ResourceDefinition, WriteContext } from '../../apimachinery/resource-definition.ts';
import {
  alreadyExists,
  type FieldError,
  fieldError,
  invalid,
  isAlreadyExists,
  modifiedConflict,
  notFound,
  statusFailure,
  timeoutError,
} from '../../apimachinery/status-error.ts';
import type { Guard, Write } from '../../storage/store.ts';
import type { AdmissionOperation, AdmissionRequest } from '../admission/plugin.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { AdmissionChain } from './admission-chain.ts';
import type { CommitHook } from './commit-hook.ts';
import { prepareViews, storedForm } from './converted-views.ts';
import { checkPreconditions, type DeleteOptions, deletionStep, isDone } from './deletion.ts';
import { changesElsewhere } from './foreign-owners.ts';
import { addedFinalizerErrors, dropDuplicateOwners, finalizerWarnings, metadataErrors } from './object-meta.ts';
import { fittingForm } from './object-size.ts';
import type { ObjectStore } from './object-store.ts';
import { storageType } from './storage-key.ts';
import type { StoredObject } from './stored-object.ts';
import { bumpGeneration, carryOver, cleanForCreate, stampForCreate } from './strategy.ts';
import { restoreBroken, track, writerOf } from './tracking.ts';

export interface WriteOptions {
  user: UserInfo;
  dryRun: boolean;
  /** Who owns what the write changes; undefined: nobody. */
  fieldManager: string | undefined;
  /** The object comes with the managedFields that it is to have: it was applied. */
  applied?: boolean;
  /** `status`, `scale`, `finalize`, or empty for the main resource. */
  subresource: string;
  signal: AbortSignal;
  warn(message: string): void;
  /** Adds a fact to the audit log, where there is one. */
  annotate?: ((key: string, value: string) => void) | undefined;
}

export interface UpdateOptions extends WriteOptions {
  /** Create when missing (PUT of the kinds that allow it). */
  createMissing?: boolean;
  /** Computes the whole new object from the stored one; called again after a lost race. Must not change `old`. */
  compute(old: DeepReadonly<Unstructured>): Promise<Unstructured> | Unstructured;
  /** What to create when `createMissing` and there is nothing. */
  missing?(): Unstructured;
}

/** What came out of a write, in the served version; `stored` is undefined in a dry run. */
export interface WriteResult {
  object: DeepReadonly<Unstructured>;
  stored: StoredObject | undefined;
  created: boolean;
}

/** Milliseconds after which a write that keeps losing races, or waits for admission, is given up. */
const writeDeadline = 34_000;
const generateNameTries = 8;
const hookTries = 16;

export class Registry {
  readonly definition: ResourceDefinition;
  readonly objects: ObjectStore;
  readonly #admission: AdmissionChain;
  readonly #hooks: readonly CommitHook[];
  readonly #clock: Clock;
  /** Whether objects of the kind are served in that version. */
  readonly serves: (apiVersion: string) => boolean;
  /** The kind in another of its versions. */
  readonly #inVersion: (apiVersion: string) => ResourceDefinition | undefined;

  constructor(
    definition: ResourceDefinition,
    objects: ObjectStore,
    admission: AdmissionChain,
    hooks: readonly CommitHook[],
    clock: Clock,
    serves: (apiVersion: string) => boolean = () => true,
    inVersion: (apiVersion: string) => ResourceDefinition | undefined = () => undefined,
  ) {
    this.#inVersion = inVersion;
    this.serves = serves;
    this.definition = definition;
    this.objects = objects;
    this.#admission = admission;
    this.#hooks = hooks.filter((hook) => hook.handles(definition));
    this.#clock = clock;
  }

  /** The newest acknowledged state. Throws NotFound. */
  async get(ref: ObjectRef): Promise<StoredObject> {
    const stored = await this.objects.get(ref);
    if (stored === undefined) throw notFound(this.definition.type, ref.name);
    await prepareViews([stored], this.definition);
    return stored;
  }

  /** Creates; `object` is decoded, in the served version, and may be changed. */
  async create(object: Unstructured, options: WriteOptions): Promise<WriteResult> {
    const { definition } = this;
    const deadline = this.#clock.now() + writeDeadline;
    cleanForCreate(definition, object);
    const warning = dropDuplicateOwners(object.metadata);
    if (warning !== undefined) options.warn(warning);
    definition.default?.(object);
    const now = this.#clock.now();
    if (!options.applied) track(undefined, object, this.#writer(options, now));
    const request = this.#admissionRequest('CREATE', object.metadata, object, undefined, options);
    const { managedFields } = object.metadata;
    if (await this.#admission.admit(request)) {
      definition.default?.(object);
      restoreBroken(object, managedFields, options.warn);
    }
    const { generateName: base, name: given } = object.metadata;
    const generated = !given && base;
    for (let attempt = 1; ; attempt++) {
      // What a kind prepares may depend on its name and uid (the selector of a Job): every try starts from before that.
      const candidate = generated ? cloneJson(object) : object;
      if (generated) candidate.metadata.name = generateName(base);
      stampForCreate(definition, candidate, now);
      definition.prepareForCreate?.(candidate, this.#writeContext(options, now));
      const result = await this.#tryCreate(candidate, options, deadline);
      if (result !== undefined) return result;
      const name = candidate.metadata.name ?? '';
      if (!generated) throw alreadyExists(definition.type, name);
      if (attempt === generateNameTries) throw generatedNameTaken(definition, name);
    }
  }

  /** Undefined when the name is taken. */
  async #tryCreate(prepared: Unstructured, options: WriteOptions, deadline: number): Promise<WriteResult | undefined> {
    const { definition, objects } = this;
    for (let attempt = 0; ; attempt++) {
      this.#checkDeadline(deadline, options);
      const object = this.#hooks.length > 0 ? cloneJson(prepared) : prepared;
      const claims = await this.#claims(object, undefined, options);
      this.#throwInvalid(object, [...metadataErrors(definition, object), ...(definition.validate?.(object) ?? [])]);
      await this.#admission.validate(this.#admissionRequest('CREATE', object.metadata, object, undefined, options));
      if (attempt === 0) {
        for (const text of definition.warnings?.(object) ?? []) options.warn(text);
        if (definition.type.namespaced) for (const text of finalizerWarnings(object.metadata)) options.warn(text);
      }
      const ref = { namespace: object.metadata.namespace, name: object.metadata.name ?? '' };
      const key = objects.keyOf(ref);
      if (options.dryRun) {
        if ((await objects.get(ref)) !== undefined) return undefined;
        return { object, stored: undefined, created: true };
      }
      const { bytes, shown } = await fittingForm(object, definition, options.applied === true);
      const result = await this.#commitObject(key, 0, bytes, claims, object);
      if (result.outcome === 'committed') return this.#written(key, bytes, result.revision, true, shown, object);
      if (result.outcome === 'lost') return undefined;
      if (attempt === hookTries) throw timeoutError('the allocation of addresses and ports kept losing races');
    }
  }

  /** Reads, computes and commits, over again while others come in between. Throws NotFound, Conflict, Invalid, …. */
  async update(ref: ObjectRef, options: UpdateOptions): Promise<WriteResult> {
    const deadline = this.#clock.now() + writeDeadline;
    let current = await this.objects.get(ref);
    for (let attempt = 0; ; attempt++) {
      this.#checkDeadline(deadline, options);
      if (current === undefined) {
        if (!options.createMissing || options.missing === undefined) throw notFound(this.definition.type, ref.name);
        try {
          return await this.create(options.missing(), options);
        } catch (error) {
          // Somebody else created it meanwhile: what is applied goes on top.
          if (!options.applied || !isAlreadyExists(error)) throw error;
          current = await this.objects.get(ref);
          continue;
        }
      }
      const result = await this.#tryUpdate(ref, current, options, attempt);
      if ('object' in result) return result;
      current = result.current;
    }
  }

  async #tryUpdate(
    ref: ObjectRef,
    current: StoredObject,
    options: UpdateOptions,
    attempt: number,
  ): Promise<WriteResult | { current: StoredObject | undefined }> {
    const { definition, objects } = this;
    await prepareViews([current], definition);
    const old = current.objectFor(definition);
    const object = await options.compute(old);
    const version = object.metadata.resourceVersion;
    if (version !== undefined && version !== '' && version !== '0') {
      if (version !== old.metadata.resourceVersion) throw modifiedConflict(definition.type, ref.name);
    } else if (definition.unconditionalUpdate === false) {
      throw versionRequired(definition, ref.name);
    }
    object.metadata.resourceVersion = old.metadata.resourceVersion as string;
    const main = options.subresource === '';
    if (main) carryOver(definition, object, old);
    const warning = dropDuplicateOwners(object.metadata);
    if (warning !== undefined && attempt === 0) options.warn(warning);
    definition.default?.(object);
    const now = this.#clock.now();
    if (!options.applied) track(old, object, await this.#writerOver(old, object, options, now));
    const { managedFields } = object.metadata;
    if (main) definition.prepareForUpdate?.(object, old, this.#writeContext(options, now));
    if (options.subresource === 'status')
      definition.prepareForStatusUpdate?.(object, old, this.#writeContext(options, now));
    const request = this.#admissionRequest('UPDATE', ref, object, old, options);
    if (await this.#admission.admit(request)) {
      definition.default?.(object);
      object.metadata.resourceVersion = old.metadata.resourceVersion as string;
      restoreBroken(object, managedFields, options.warn);
    }
    if (options.subresource !== 'status') bumpGeneration(definition, object, old);
    const claims = await this.#claims(object, old, options);
    const same = sameObject(object, old);
    const unchanged = same && sameOwnership(object.metadata.managedFields, old.metadata.managedFields);
    if (!same) this.#throwInvalid(object, this.#updateErrors(object, old, options));
    await this.#admission.validate(this.#admissionRequest('UPDATE', ref, object, old, options));
    if (attempt === 0 && !unchanged) {
      for (const text of definition.warnings?.(object) ?? []) options.warn(text);
      if (definition.type.namespaced)
        for (const text of finalizerWarnings(object.metadata, old.metadata)) options.warn(text);
    }
    if (isDone(object)) {
      const removed = await this.#removeNow(current, options);
      return removed === undefined
        ? { current: await objects.get(ref) }
        : { object, stored: undefined, created: false };
    }
    // What lies there in another version, or encrypted with another key, is written anew: that is how objects move on.
    const unchangedForm = unchanged && current.storedVersion() === apiVersionOf(storageType(definition));
    if (unchangedForm && !(await objects.isStale(current.key))) return { object: old, stored: current, created: false };
    if (options.dryRun) return { object, stored: undefined, created: false };
    const { bytes, shown } = await fittingForm(object, definition, options.applied === true);
    if (current.sameAs(bytes) && !(await objects.isStale(current.key)))
      return { object: old, stored: current, created: false };
    const result = await this.#commitObject(current.key, current.revision, bytes, claims, object);
    if (result.outcome === 'committed') return this.#written(current.key, bytes, result.revision, false, shown, object);
    if (result.outcome === 'lost') return { current: result.current };
    if (attempt > hookTries) throw timeoutError('the allocation of addresses and ports kept losing races');
    return { current };
  }

  #updateErrors(object: Unstructured, old: DeepReadonly<Unstructured>, options: WriteOptions): FieldError[] {
    const { definition } = this;
    const errors = [...metadataErrors(definition, object), ...addedFinalizerErrors(object.metadata, old.metadata)];
    // Rules of built-in kinds look at what their users write; a status write cannot break or repair them.
    if (definition.strategicMerge && options.subresource === 'status')
      return [...errors, ...(definition.validateStatus?.(object, old) ?? [])];
    const view = definition.views?.[options.subresource];
    if (view !== undefined) return [...errors, ...view.validate(object, old)];
    const always = definition.ratchets === true ? [] : (definition.validate?.(object) ?? []);
    return [...errors, ...always, ...(definition.validateUpdate?.(object, old) ?? [])];
  }

  /**
   * Deletes, or marks as being deleted. `object` is the last state; `removed` false when finalizers or grace keep it.
   * Throws NotFound, and Conflict for preconditions that do not hold.
   */
  async delete(
    ref: ObjectRef,
    deleteOptions: DeleteOptions,
    options: WriteOptions,
  ): Promise<{ object: DeepReadonly<Unstructured>; stored: StoredObject | undefined; removed: boolean }> {
    const { definition } = this;
    const deadline = this.#clock.now() + writeDeadline;
    let current = await this.objects.get(ref);
    for (;;) {
      this.#checkDeadline(deadline, options);
      if (current === undefined) throw notFound(definition.type, ref.name);
      await prepareViews([current], definition);
      const old = current.objectFor(definition);
      checkPreconditions(definition, old, deleteOptions.preconditions);
      const request = this.#admissionRequest('DELETE', ref, undefined, old, options);
      await this.#admission.admit(request);
      await this.#admission.validate(request);
      const step = deletionStep(definition, old, deleteOptions, this.#clock.now());
      if (step.kind === 'unchanged') return { object: old, stored: current, removed: false };
      if (step.kind === 'mark') {
        if (options.dryRun) return { object: step.object, stored: undefined, removed: false };
        const { bytes, shown } = await storedForm(step.object, definition);
        const result = await this.#commit(current.key, current.revision, bytes, noClaims);
        if (result.outcome === 'committed') {
          const written = this.#written(current.key, bytes, result.revision, false, shown, step.object);
          return { object: written.object, stored: written.stored, removed: false };
        }
        current = result.outcome === 'lost' ? result.current : current;
        continue;
      }
      if ((await this.#removeNow(current, options)) !== undefined)
        return { object: old, stored: undefined, removed: true };
      current = await this.objects.get(ref);
    }
  }

  /** True when the object is gone now; undefined when it changed meanwhile. */
  async #removeNow(current: StoredObject, options: WriteOptions): Promise<true | undefined> {
    if (options.dryRun) return true;
    for (let attempt = 0; attempt < hookTries; attempt++) {
      const claims = await this.#claims(undefined, current.objectFor(this.definition), options);
      const result = await this.#commit(current.key, current.revision, undefined, claims);
      if (result.outcome === 'committed') return true;
      if (result.outcome === 'lost') return undefined;
    }
    throw timeoutError('the release of addresses and ports kept losing races');
  }

  #commitObject(
    key: string,
    revision: number,
    bytes: Buffer,
    claims: Claims,
    object: DeepReadonly<Unstructured>,
  ): Promise<CommitResult> {
    const commit = () => this.#commit(key, revision, bytes, claims);
    if (this.definition.storage !== undefined) return commit();
    return this.objects.cache.writing(key, { bytes, object, definition: this.definition }, commit);
  }

  async #commit(key: string, revision: number, value: Buffer | undefined, claims: Claims): Promise<CommitResult> {
    const result = await this.objects.store.txn(
      [{ key, modRevision: revision }, ...claims.guards],
      [{ key, value }, ...claims.writes],
    );
    if (result.committed) return { outcome: 'committed', revision: result.revision };
    if (result.key !== key) {
      // What another server has taken is known then.
      await this.objects.feed.fresh();
      return { outcome: 'claims' };
    }
    return { outcome: 'lost', current: result.current && this.objects.wrap(result.current) };
  }

  #written(
    key: string,
    bytes: Buffer,
    revision: number,
    created: boolean,
    shown: Unstructured | undefined,
    object: DeepReadonly<Unstructured>,
  ): WriteResult {
    const { objects } = this;
    const wrapped = objects.wrap({ key, value: bytes, modRevision: revision });
    // Once the feed has passed the revision, nobody would take the bytes from there any more.
    const stored = objects.feed.revision < revision ? objects.cache.wrote(wrapped) : wrapped;
    const { definition } = this;
    stored.wasWrittenAs(definition);
    if (shown === undefined) stored.adopt(object, definition);
    else stored.show(definition, shown);
    return {
      get object() {
        return stored.objectFor(definition);
      },
      stored,
      created,
    };
  }

  async #claims(
    object: Unstructured | undefined,
    old: DeepReadonly<Unstructured> | undefined,
    options: WriteOptions,
  ): Promise<Claims> {
    if (this.#hooks.length === 0) return noClaims;
    const claims: Claims = { guards: [], writes: [] };
    const context = { definition: this.definition, dryRun: options.dryRun, store: this.objects.store };
    for (const hook of this.#hooks) {
      const extra = await hook.beforeCommit(object, old, context);
      claims.guards.push(...extra.guards);
      claims.writes.push(...extra.writes);
    }
    return claims;
  }

  #throwInvalid(object: DeepReadonly<Unstructured>, errors: readonly FieldError[]): void {
    if (errors.length > 0) throw invalid(this.definition.type, object.metadata.name ?? '', errors);
  }

  #admissionRequest(
    operation: AdmissionOperation,
    ref: { namespace?: string | undefined; name?: string | undefined },
    object: Unstructured | undefined,
    oldObject: DeepReadonly<Unstructured> | undefined,
    options: WriteOptions,
  ): AdmissionRequest {
    const { type } = this.definition;
    const { subresource, user, dryRun, annotate } = options;
    const namespace = ref.namespace ?? '';
    const warn = (message: string): void => options.warn(message);
    return {
      operation,
      type,
      subresource,
      namespace,
      name: ref.name ?? '',
      user,
      dryRun,
      object,
      oldObject,
      warn,
      annotate,
    };
  }

  #writer({ fieldManager, subresource }: WriteOptions, now: number): Writer | undefined {
    if (fieldManager === undefined) return undefined;
    return writerOf(this.definition, fieldManager, subresource, now, this.serves);
  }

  async #writerOver(
    old: DeepReadonly<Unstructured>,
    object: DeepReadonly<Unstructured>,
    options: WriteOptions,
    now: number,
  ): Promise<Writer | undefined> {
    const writer = this.#writer(options, now);
    return writer && { ...writer, elsewhere: await this.changesElsewhere(old, object, options.subresource) };
  }

  /** What a write changes as owners in other versions see it. */
  changesElsewhere(
    old: DeepReadonly<Unstructured>,
    object: DeepReadonly<Unstructured>,
    subresource: string,
  ): Promise<Elsewhere> {
    return changesElsewhere(old, object, this.definition, subresource, this.#inVersion);
  }

  #writeContext(options: WriteOptions, now: number): WriteContext {
    return { user: options.user, now, dryRun: options.dryRun };
  }

  #checkDeadline(deadline: number, options: WriteOptions): void {
    options.signal.throwIfAborted();
    if (this.#clock.now() > deadline)
      throw timeoutError('request did not complete within the allotted timeout', { retryAfterSeconds: 1 });
  }
}

interface Claims {
  guards: Guard[];
  writes: Write[];
}

const noClaims: Claims = { guards: [], writes: [] };

type CommitResult =
  | { outcome: 'committed'; revision: number }
  | { outcome: 'lost'; current: StoredObject | undefined }
  | { outcome: 'claims' };

/** Equal but for resourceVersion and managedFields: nothing to write. */
function sameObject(object: DeepReadonly<Unstructured>, old: DeepReadonly<Unstructured>): boolean {
  const { metadata, ...rest } = object;
  const { metadata: oldMetadata, ...oldRest } = old;
  const { resourceVersion: _v, managedFields: _f, ...meta } = metadata;
  const { resourceVersion: _ov, managedFields: _of, ...oldMeta } = oldMetadata;
  return deepEqual(meta, oldMeta) && deepEqual(rest, oldRest);
}

function generatedNameTaken(definition: ResourceDefinition, name: string): Error {
  const error = alreadyExists(definition.type, name);
  const { details, message } = error.status;
  return statusFailure(
    409,
    'AlreadyExists',
    `${message}, the server was not able to generate a unique name for the object`,
    { ...details, retryAfterSeconds: 1 },
  );
}

/** Here upstream puts the resource where Invalid usually has the Kind. */
function versionRequired(definition: ResourceDefinition, name: string): Error {
  const { group, resource } = definition.type;
  return invalid({ group, kind: resource }, name, [
    fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
  ]);
}
