/** Writes down who asked what and what came of it: events of `audit.k8s.io/v1`, one for each stage of a request. */
import { parse } from 'yaml';
import { type Clock, formatMicroTime } from '../../apimachinery/clock.ts';
import { internalError } from '../../apimachinery/status-error.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import { header } from '../negotiation.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { type RequestInfo, selectedName } from '../request-info.ts';
import { type AuditDelivery, type AuditOutput, createDelivery, type DeliveryOptions } from './delivery.ts';
import type { AuditDecision, AuditLevel, AuditPolicy, AuditStage } from './policy.ts';
import type { AuditTrail } from './trail.ts';

export interface AuditOptions {
  policy: AuditPolicy;
  /** Where events go: each gets them all. */
  backends: readonly AuditBackend[];
}

export interface AuditBackend {
  plugin: 'log' | 'webhook';
  delivery: DeliveryOptions;
  open(clock: Clock): AuditOutput;
}

export interface AuditCounts {
  event(level: AuditLevel): void;
  /** Events that did not reach a backend, and by whose fault. */
  lost(plugin: AuditBackend['plugin'] | 'buffered', count: number): void;
  /** A request that was refused because its event could not be written. */
  rejected(): void;
}

/** A request that is audited. */
export interface AuditedRequest extends AuditTrail {
  /** The first stage. Throws 500 where a request that cannot be logged must not be served. */
  received(): Promise<void>;
  impersonated(user: UserInfo): void;
  authorized(allowed: boolean, reason: string): void;
  /** The last stages. Resolves when the log has the event, if it is one to wait for. Streams end it later by themselves. */
  answered(response: ApiResponse): Promise<ApiResponse>;
  /** Instead of `answered`, when a fault of ours broke the request off. */
  broken(error: unknown, response: ApiResponse): Promise<ApiResponse>;
}

export interface Auditor {
  /** Undefined when the policy does not want this request. */
  begin(
    request: ApiRequest,
    info: RequestInfo,
    user: UserInfo,
    id: string,
    receivedAt: number,
  ): AuditedRequest | undefined;
  /** A request whose credentials were refused. */
  refused(request: ApiRequest, info: RequestInfo, id: string, receivedAt: number): Promise<void>;
  /** Writes what waits. */
  close(): Promise<void>;
}

const maxUserAgent = 1024;
const nobody: UserInfo = { name: '', groups: [] };

/** What is lost is told on stderr, no more often than this. */
const complaintInterval = 10_000;

export function createAuditor(options: AuditOptions, clock: Clock, counts: AuditCounts): Auditor {
  const { policy } = options;
  const deliveries = options.backends.map(({ plugin, delivery, open }) => {
    let complained = Number.NEGATIVE_INFINITY;
    let lost = 0;
    return createDelivery(delivery, open(clock), {
      clock,
      onLost(count, why, unsent) {
        counts.lost(unsent && delivery.mode === 'batch' ? 'buffered' : plugin, count);
        lost += count;
        if (clock.now() - complained < complaintInterval) return;
        complained = clock.now();
        process.stderr.write(`apiserver: audit ${plugin}: ${lost} events lost so far: ${String(why)}\n`);
      },
    });
  });
  function open(request: ApiRequest, info: RequestInfo, user: UserInfo, id: string, receivedAt: number) {
    const decision = policy.decide(info, user);
    return decision.level === 'None'
      ? undefined
      : new Entry({ request, info, user, id, receivedAt, decision, deliveries, clock, counts });
  }
  return {
    begin: open,
    async close() {
      await Promise.all(deliveries.map((delivery) => delivery.close()));
    },
    async refused(request, info, id, receivedAt) {
      const entry = open(request, info, nobody, id, receivedAt);
      await entry?.finish('ResponseStarted', {
        status: 'Failure',
        message: 'Authentication failed',
        reason: 'Unauthorized',
        code: 401,
      });
    },
  };
}

interface EntryParts {
  request: ApiRequest;
  info: RequestInfo;
  user: UserInfo;
  id: string;
  receivedAt: number;
  decision: AuditDecision;
  deliveries: readonly AuditDelivery[];
  clock: Clock;
  counts: AuditCounts;
}

class Entry implements AuditedRequest {
  readonly #parts: EntryParts;
  readonly #annotations = new Map<string, string>();
  #impersonated: UserInfo | undefined;
  /** JSON, of levels that want it. */
  #requestObject: string | undefined;
  #responseObject: string | undefined;
  /** Of the body: what the URL of a create does not tell. */
  #named: { name?: string; namespace?: string; uid?: string; resourceVersion?: string } = {};
  #bodySeen = false;
  #received: Promise<unknown> | undefined;

  constructor(parts: EntryParts) {
    this.#parts = parts;
  }

  requestObject(value: unknown): void {
    if (this.#bodySeen) return;
    this.#bodySeen = true;
    const metadata = (value as { metadata?: Record<string, unknown> } | null)?.metadata;
    if (this.#parts.info.verb !== 'patch' && typeof metadata === 'object' && metadata !== null)
      for (const field of ['name', 'namespace', 'uid', 'resourceVersion'] as const)
        if (typeof metadata[field] === 'string' && metadata[field] !== '') this.#named[field] = metadata[field];
    const { level, omitManagedFields } = this.#parts.decision;
    if (level === 'Request' || level === 'RequestResponse')
      this.#requestObject = JSON.stringify(omitManagedFields ? withoutManagedFields(value) : value);
  }

  annotate(key: string, value: string): void {
    this.#annotations.set(key, value);
  }

  impersonated(user: UserInfo): void {
    this.#impersonated = user;
  }

  authorized(allowed: boolean, reason: string): void {
    this.#annotations.set('authorization.k8s.io/decision', allowed ? 'allow' : 'forbid');
    this.#annotations.set('authorization.k8s.io/reason', reason);
  }

  async received(): Promise<void> {
    const writes = this.#write('RequestReceived', undefined);
    // Looked at when the request is over.
    this.#received = Promise.allSettled(writes);
    try {
      await Promise.all(writes.filter((_, index) => this.#parts.deliveries[index]?.strict));
    } catch (error) {
      this.#parts.counts.rejected();
      throw internalError('audit event could not be written, the request is refused', error);
    }
  }

  async answered(response: ApiResponse): Promise<ApiResponse> {
    const { body, takeOver } = response;
    const code = takeOver === undefined ? response.status : 101;
    if (takeOver === undefined && typeof body !== 'function') {
      const status = this.#readBody(response, body);
      await this.finish('ResponseComplete', status);
      return response;
    }
    await this.finish('ResponseStarted', { code });
    const over = (): Promise<void> => this.finish('ResponseComplete', { code });
    if (takeOver !== undefined) return { ...response, takeOver: (connection) => takeOver(connection).finally(over) };
    const stream = body as Exclude<ApiResponse['body'], Buffer | string>;
    return { ...response, body: (write) => stream(write).finally(over) };
  }

  async broken(error: unknown, response: ApiResponse): Promise<ApiResponse> {
    const why = error instanceof Error ? error.message : String(error);
    await this.finish('Panic', {
      status: 'Failure',
      message: `APIServer panic'd: ${why}`,
      reason: 'InternalError',
      code: response.status,
    });
    return response;
  }

  /** What does not reach the log is counted there; the request has its answer by then. */
  async finish(stage: AuditStage, status: ResponseStatus): Promise<void> {
    await Promise.allSettled([this.#received, ...this.#write(stage, status)]);
  }

  #readBody(response: ApiResponse, body: Buffer | string): ResponseStatus {
    const { info, decision } = this.#parts;
    const type = String(response.headers['content-type'] ?? '');
    const yaml = type.startsWith('application/yaml');
    if (!info.isResource || (!yaml && !type.startsWith('application/json'))) return { code: response.status };
    const text = (): string => (typeof body === 'string' ? body : body.toString());
    const value = (): unknown => (yaml ? parse(text()) : JSON.parse(text()));
    if (response.status >= 400 || (body.length < 2000 && /\bkind"?: ?"?Status\b/.test(text()))) {
      const found = value() as ResponseStatus & { kind?: string };
      if (found.kind === 'Status') {
        const { status, message, reason, details } = found;
        return { status, message, reason, details, code: response.status };
      }
    }
    if (decision.level === 'RequestResponse')
      this.#responseObject =
        decision.omitManagedFields || yaml || text().includes('\n')
          ? JSON.stringify(decision.omitManagedFields ? withoutManagedFields(value()) : value())
          : text();
    return { code: response.status };
  }

  /** To each backend. */
  #write(stage: AuditStage, status: ResponseStatus | undefined): Promise<void>[] {
    const { deliveries, counts, decision } = this.#parts;
    if (decision.omitStages.has(stage)) return [];
    counts.event(decision.level);
    return deliveries.map((delivery) => delivery.write((bodies) => this.#event(stage, status, bodies)));
  }

  /** As it stands in an EventList: without kind and apiVersion. */
  #event(stage: AuditStage, status: ResponseStatus | undefined, bodies: boolean): string {
    const { request, info, user, id, receivedAt, decision, clock } = this.#parts;
    const query = request.query.size === 0 ? '' : `?${request.query}`;
    const head = JSON.stringify({
      level: decision.level,
      auditID: id,
      stage,
      requestURI: request.path + query,
      verb: info.verb,
      user: userOf(user),
      impersonatedUser: this.#impersonated && userOf(this.#impersonated),
      sourceIPs: sourcesOf(request),
      userAgent: agentOf(request) || undefined,
      objectRef: info.isResource ? this.#objectRef() : undefined,
      responseStatus: status && { metadata: {}, ...status },
    });
    const last = stage === 'ResponseComplete' || stage === 'Panic';
    let objects = '';
    if (last && bodies) {
      if (this.#requestObject !== undefined) objects += `,"requestObject":${this.#requestObject}`;
      if (this.#responseObject !== undefined) objects += `,"responseObject":${this.#responseObject}`;
    }
    const annotations = new Map(this.#annotations);
    if (!bodies) annotations.set('audit.k8s.io/truncated', 'true');
    const tail = JSON.stringify({
      requestReceivedTimestamp: formatMicroTime(receivedAt),
      stageTimestamp: formatMicroTime(clock.now()),
      annotations: annotations.size === 0 ? undefined : Object.fromEntries(annotations),
    });
    return `${head.slice(0, -1)}${objects},${tail.slice(1)}`;
  }

  #objectRef() {
    const { group, version, resource, subresource, namespace } = this.#parts.info;
    const name = selectedName(this.#parts.info);
    const named = this.#named;
    return {
      resource: resource || undefined,
      namespace: namespace || named.namespace,
      name: name || named.name,
      uid: named.uid,
      apiGroup: group || undefined,
      apiVersion: version,
      resourceVersion: named.resourceVersion,
      subresource: subresource || undefined,
    };
  }
}

interface ResponseStatus {
  status?: string | undefined;
  message?: string | undefined;
  reason?: string | undefined;
  details?: unknown;
  code: number;
}

const userOf = ({ name, uid, groups, extra }: UserInfo) => ({
  username: name || undefined,
  uid,
  groups: groups.length === 0 ? undefined : groups,
  extra,
});

function agentOf(request: ApiRequest): string {
  const agent = header(request, 'user-agent');
  return agent.length > maxUserAgent ? `${agent.slice(0, maxUserAgent)}...TRUNCATED` : agent;
}

/** Who asked, as far as proxies tell; last the one that is connected to us. */
function sourcesOf(request: ApiRequest): string[] {
  const addresses = header(request, 'x-forwarded-for')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const real = header(request, 'x-real-ip').trim();
  for (const address of [real, request.remoteAddress.replace(/^::ffff:/, '')])
    if (address !== '' && addresses.at(-1) !== address) addresses.push(address);
  return addresses;
}

/** Of an object, a list or a Table with objects in its rows. */
function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { metadata, items, rows } = value as { metadata?: object; items?: unknown; rows?: unknown };
  const copy: Record<string, unknown> = { ...value };
  if (typeof metadata === 'object' && metadata !== null && 'managedFields' in metadata) {
    const { managedFields: _managedFields, ...rest } = metadata;
    copy['metadata'] = rest;
  }
  if (Array.isArray(items)) copy['items'] = items.map(withoutManagedFields);
  if (Array.isArray(rows))
    copy['rows'] = rows.map((row: { object?: unknown }) =>
      row.object === undefined ? row : { ...row, object: withoutManagedFields(row.object) },
    );
  return copy;
}
