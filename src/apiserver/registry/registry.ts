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
import { cloneJson, type DeepReadonly, type ObjectRef, type Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition, WriteContext } from '../../apimachinery/resource-definition.ts';
import {
  alreadyExists,
  type FieldError,
  invalid,
  isAlreadyExists,
  modifiedConflict,
  notFound,
  timeoutError,
} from '../../apimachinery/status-error.ts';
import type { AdmissionOperation, AdmissionRequest } from '../admission/plugin.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import { type Ending, requestOver } from '../linked-abort.ts';
import type { AdmissionChain } from './admission-chain.ts';
import { type Claims, type CommitResult, claimsOf, commit, noClaims, type WriteResult, written } from './commit.ts';
import type { CommitHook } from './commit-hook.ts';
import { prepareViews, storedForm } from './converted-views.ts';
import { checkPreconditions, type DeleteOptions, deletionStep, isDone } from './deletion.ts';
import { changesElsewhere } from './foreign-owners.ts';
import { dropDuplicateOwners, finalizerWarnings, metadataErrors } from './object-meta.ts';
import { fittingForm } from './object-size.ts';
import type { ObjectStore } from './object-store.ts';
import { type Attempt, settle } from './settle.ts';
import { storageType } from './storage-key.ts';
import type { StoredObject } from './stored-object.ts';
import { bumpGeneration, carryOver, cleanForCreate, stampForCreate } from './strategy.ts';
import { restoreBroken, track, writerOf } from './tracking.ts';
import { deleteUnreadable } from './unsafe-delete.ts';
import { generatedNameTaken, sameObject, updateErrors, versionRequired } from './write-checks.ts';

export interface WriteOptions {
  user: UserInfo;
  dryRun: boolean;
  /** Who owns what the write changes; undefined: nobody. */
  fieldManager: string | undefined;
  /** The object comes with the managedFields that it is to have: it was applied. */
  applied?: boolean;
  /** `status`, `scale`, `finalize`, or empty for the main resource. */
  subresource: string;
  over: Ending;
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

export interface DeleteResult {
  /** The last state. */
  object: DeepReadonly<Unstructured>;
  stored: StoredObject | undefined;
  /** False when finalizers or grace keep it. */
  removed: boolean;
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
    return settle(this.objects, ref, !options.dryRun, async (current, attempt): Promise<Attempt<WriteResult>> => {
      this.#checkDeadline(deadline, options);
      if (current !== undefined) return await this.#tryUpdate(ref, current, options, attempt);
      if (!options.createMissing || options.missing === undefined) throw notFound(this.definition.type, ref.name);
      try {
        return { result: await this.create(options.missing(), options), wrote: true };
      } catch (error) {
        // Somebody else created it meanwhile: what is applied goes on top.
        if (!options.applied || !isAlreadyExists(error)) throw error;
        return { current: await this.objects.get(ref) };
      }
    });
  }

  async #tryUpdate(
    ref: ObjectRef,
    current: StoredObject,
    options: UpdateOptions,
    attempt: number,
  ): Promise<Attempt<WriteResult>> {
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
    if (!same) this.#throwInvalid(object, updateErrors(definition, object, old, options.subresource));
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
        : { result: { object, stored: undefined, created: false }, wrote: true };
    }
    // What lies there in another version, or encrypted with another key, is written anew: that is how objects move on.
    const unchangedForm = unchanged && current.storedVersion() === apiVersionOf(storageType(definition));
    const nothing = { result: { object: old, stored: current, created: false }, wrote: false };
    if (unchangedForm && !(await objects.isStale(current.key))) return nothing;
    if (options.dryRun) return { result: { object, stored: undefined, created: false }, wrote: false };
    const { bytes, shown } = await fittingForm(object, definition, options.applied === true);
    if (current.sameAs(bytes) && !(await objects.isStale(current.key))) return nothing;
    const result = await this.#commitObject(current.key, current.revision, bytes, claims, object);
    if (result.outcome === 'committed')
      return { result: this.#written(current.key, bytes, result.revision, false, shown, object), wrote: true };
    if (result.outcome === 'lost') return { current: result.current };
    if (attempt > hookTries) throw timeoutError('the allocation of addresses and ports kept losing races');
    return { current };
  }

  /**
   * Deletes, or marks as being deleted. Throws NotFound, and Conflict for preconditions that do not hold.
   */
  async delete(ref: ObjectRef, deleteOptions: DeleteOptions, options: WriteOptions): Promise<DeleteResult> {
    const deadline = this.#clock.now() + writeDeadline;
    return settle(this.objects, ref, !options.dryRun, async (current) => {
      this.#checkDeadline(deadline, options);
      if (current === undefined) throw notFound(this.definition.type, ref.name);
      return this.#tryDelete(ref, current, deleteOptions, options);
    });
  }

  /** Removes what is there and cannot be read, whatever finalizers it has. Throws 422 for everything else. */
  deleteUnreadable(ref: ObjectRef, options: WriteOptions): Promise<void> {
    return deleteUnreadable(this.definition, this.objects, ref, async (old) => {
      const request = this.#admissionRequest('DELETE', ref, undefined, old, options);
      await this.#admission.admit(request);
      await this.#admission.validate(request);
    });
  }

  async #tryDelete(
    ref: ObjectRef,
    current: StoredObject,
    deleteOptions: DeleteOptions,
    options: WriteOptions,
  ): Promise<Attempt<DeleteResult>> {
    const { definition } = this;
    await prepareViews([current], definition);
    const old = current.objectFor(definition);
    checkPreconditions(definition, old, deleteOptions.preconditions);
    const request = this.#admissionRequest('DELETE', ref, undefined, old, options);
    await this.#admission.admit(request);
    await this.#admission.validate(request);
    const step = deletionStep(definition, old, deleteOptions, this.#clock.now());
    if (step.kind === 'unchanged') return { result: { object: old, stored: current, removed: false }, wrote: false };
    if (step.kind === 'mark') {
      if (options.dryRun) return { result: { object: step.object, stored: undefined, removed: false }, wrote: false };
      const { bytes, shown } = await storedForm(step.object, definition);
      const result = await this.#commit(current.key, current.revision, bytes, noClaims);
      if (result.outcome !== 'committed') return { current: result.outcome === 'lost' ? result.current : current };
      const { object, stored } = this.#written(current.key, bytes, result.revision, false, shown, step.object);
      return { result: { object, stored, removed: false }, wrote: true };
    }
    if ((await this.#removeNow(current, options)) === undefined) return { current: await this.objects.get(ref) };
    return { result: { object: old, stored: undefined, removed: true }, wrote: true };
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
    const { definition, objects } = this;
    const commitBytes = () => this.#commit(key, revision, bytes, claims);
    if (definition.storage !== undefined) return commitBytes();
    return objects.cache.writing(key, { bytes, object, definition }, commitBytes);
  }

  #commit(key: string, revision: number, value: Buffer | undefined, claims: Claims): Promise<CommitResult> {
    return commit(this.objects, key, revision, value, claims);
  }

  #written(
    key: string,
    bytes: Buffer,
    revision: number,
    created: boolean,
    shown: Unstructured | undefined,
    object: DeepReadonly<Unstructured>,
  ): WriteResult {
    return written(this.objects, this.definition, { key, bytes, revision, created, object }, shown);
  }

  #claims(
    object: Unstructured | undefined,
    old: DeepReadonly<Unstructured> | undefined,
    options: WriteOptions,
  ): Promise<Claims> {
    const context = { definition: this.definition, dryRun: options.dryRun, store: this.objects.store };
    return claimsOf(this.#hooks, object, old, context);
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
    if (options.over.aborted) throw requestOver;
    if (this.#clock.now() > deadline)
      throw timeoutError('request did not complete within the allotted timeout', { retryAfterSeconds: 1 });
  }
}
