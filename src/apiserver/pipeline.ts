/** The way of every request, readable as a list. Each step may refuse by throwing a StatusError. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../apimachinery/clock.ts';
import { asStatusError, forbidden, forbiddenPath, isStatus, StatusError } from '../apimachinery/status-error.ts';
import type { AuditedRequest, Auditor } from './audit/auditor.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import { impersonate } from './authentication/impersonation.ts';
import { anonymousUser } from './authentication/request-authenticator.ts';
import type { UserInfo } from './authentication/user-info.ts';
import type { AuthorizationAttributes, Authorizer } from './authorization/authorizer.ts';
import { deniedText } from './authorization/denied-text.ts';
import { compress, errorResponse } from './encoding.ts';
import type { Admission, FlowControl } from './flow-control/flow-control.ts';
import { linkAbort } from './linked-abort.ts';
import type { ServerMetrics } from './metrics.ts';
import { header } from './negotiation.ts';
import { type ApiRequest, type ApiResponse, overOf } from './request.ts';
import { parseRequestInfo, type RequestInfo, selectedName } from './request-info.ts';

export interface PipelineParts {
  authenticator: Authenticator;
  authorizer: Authorizer;
  clock: Clock;
  metrics: ServerMetrics;
  auditor?: Auditor | undefined;
  flowControl: FlowControl;
  /** Aborted when the server stops: ends watches and other long requests. */
  shutdown: AbortSignal;
  route(request: ApiRequest, info: RequestInfo, user: UserInfo, warn: (message: string) => void): Promise<ApiResponse>;
}

/** Subresources whose requests last as long as their client likes. */
const longSubresources = new Set(['log', 'exec', 'attach', 'portforward', 'proxy']);
const interactiveSubresources = new Set(['exec', 'attach', 'portforward']);

/** What is known of a request on its way. */
interface Passage {
  auditId: string;
  startedAt: number;
  warn(message: string): void;
  info?: RequestInfo;
  audit?: AuditedRequest | undefined;
  admission?: Admission;
}

export function createPipeline(parts: PipelineParts): (request: ApiRequest) => Promise<ApiResponse> {
  async function serve(asked: ApiRequest, passage: Passage): Promise<ApiResponse> {
    const info = parseRequestInfo(asked.method, asked.path, asked.query);
    passage.info = info;
    const caller = await authenticate(asked, info, passage);
    const audit = parts.auditor?.begin(asked, info, caller, passage.auditId, passage.startedAt);
    passage.audit = audit;
    const request = audit === undefined ? asked : { ...asked, audit };
    await audit?.received();
    const user = await impersonate(request.headers, caller, parts.authorizer);
    if (user !== caller) audit?.impersonated(user);
    const call = { method: request.method, info, user, over: overOf(request) };
    const admission = parts.flowControl.admit(call);
    passage.admission = admission;
    if (isLong(info)) {
      await admission.begin();
      await authorize(parts.authorizer, info, user, audit);
      // A WebSocket comes by GET, and may do as much as what other clients POST.
      if (request.upgrade !== undefined && info.verb === 'get' && interactiveSubresources.has(info.subresource))
        await authorize(parts.authorizer, { ...info, verb: 'create' }, user, audit);
      return serveLong(request, info, user, passage.warn);
    }
    return admission.run(async () => {
      await authorize(parts.authorizer, info, user, audit);
      return parts.route(request, info, user, passage.warn);
    });
  }

  async function authenticate(request: ApiRequest, info: RequestInfo, passage: Passage): Promise<UserInfo> {
    try {
      return request.user ?? (await parts.authenticator.authenticate(request)) ?? anonymousUser;
    } catch (error) {
      await parts.auditor?.refused(request, info, passage.auditId, passage.startedAt);
      throw error;
    }
  }

  /** Long requests are not counted, and end with the server. */
  async function serveLong(
    request: ApiRequest,
    info: RequestInfo,
    user: UserInfo,
    warn: (message: string) => void,
  ): Promise<ApiResponse> {
    const linked = linkAbort(request.signal, parts.shutdown);
    try {
      const response = await parts.route({ ...request, signal: linked.signal, over: linked.signal }, info, user, warn);
      const { body, takeOver } = response;
      if (takeOver !== undefined) {
        const done = parts.metrics.longRunning(info);
        return {
          ...response,
          takeOver: (connection) =>
            takeOver(connection).finally(() => {
              linked.release();
              done();
            }),
        };
      }
      if (typeof body !== 'function') {
        linked.release();
        return response;
      }
      const done = parts.metrics.longRunning(info);
      const streamed = (write: (chunk: Buffer | string) => Promise<void>): Promise<void> =>
        body(write).finally(() => {
          linked.release();
          done();
        });
      return { ...response, body: streamed };
    } catch (error) {
      linked.release();
      throw error;
    }
  }

  return async (request) => {
    const warnings = new Set<string>();
    const warn = (message: string): void => {
      if (warnings.size < 100) warnings.add(message);
    };
    const startedAt = parts.clock.now();
    const passage: Passage = { auditId: header(request, 'audit-id') || randomUUID(), startedAt, warn };
    let response: ApiResponse;
    try {
      response = await serve(request, passage);
      if (passage.audit !== undefined) response = await passage.audit.answered(response);
      if (!isLong(passage.info)) response = await compress(response, header(request, 'accept-encoding'));
    } catch (error) {
      response = failed(error, request);
      if (passage.audit !== undefined)
        response = await (!(error instanceof StatusError) && !overOf(request).aborted
          ? passage.audit.broken(error, response)
          : passage.audit.answered(response));
    }
    response.headers['audit-id'] = passage.auditId;
    if (passage.admission !== undefined && passage.admission.schemaUid !== '') {
      response.headers['x-kubernetes-pf-flowschema-uid'] = passage.admission.schemaUid;
      response.headers['x-kubernetes-pf-prioritylevel-uid'] = passage.admission.levelUid;
    }
    response.headers['cache-control'] ??= 'no-cache, private';
    if (warnings.size > 0) response.headers['warning'] = warningHeaders(warnings);
    if (passage.info !== undefined) parts.metrics.request(passage.info, response.status, parts.clock.now() - startedAt);
    return response;
  };
}

/** Throws 403, in the words of the authorizer. */
async function authorize(
  authorizer: Authorizer,
  info: RequestInfo,
  user: UserInfo,
  audit: AuditedRequest | undefined,
): Promise<void> {
  const { verb, group, version, resource, subresource, namespace, fieldSelector, labelSelector } = info;
  const name = selectedName(info);
  const attributes: AuthorizationAttributes = info.isResource
    ? { user, verb, group, version, resource, subresource, namespace, name, fieldSelector, labelSelector }
    : { user, verb, group: '', version: '', resource: '', subresource: '', namespace: '', name: '', path: info.path };
  const decision = await authorizer.authorize(attributes);
  audit?.authorized(decision.allowed, decision.reason);
  if (decision.allowed) return;
  const why = escapeHtml(deniedText(attributes, decision.reason));
  throw info.isResource ? forbidden({ group, resource }, escapeHtml(name), why) : forbiddenPath(why);
}

const escapeHtml = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

function isLong(info: RequestInfo | undefined): boolean {
  return info?.isResource === true && (info.verb === 'watch' || longSubresources.has(info.subresource));
}

/** What is not a StatusError is a fault of ours: it is told on stderr, and the request fails with 500. */
function failed(error: unknown, request: ApiRequest): ApiResponse {
  if (!(error instanceof StatusError) && !overOf(request).aborted) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`apiserver: ${request.method} ${request.path} failed: ${text}\n`);
  }
  const { status } = asStatusError(error);
  const response = errorResponse(status);
  if (isStatus(error, 'Unauthorized')) delete response.headers['retry-after'];
  return response;
}

const maxWarningBytes = 4096;

function warningHeaders(warnings: ReadonlySet<string>): string[] {
  const texts = [...warnings].map((text) => text.replace(/\s*[\r\n]+\s*/g, ' '));
  const total = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return texts.map((text) => {
    const short = total > maxWarningBytes ? [...text].slice(0, 256).join('') : text;
    return `299 - "${asciiOnly(short).replace(/[\\"]/g, '\\$&')}"`;
  });
}

/** Header values are latin-1 without control characters; Go clients read UTF-8 bytes in them. */
const asciiOnly = (text: string): string => Buffer.from(text.replace(/\p{Cc}/gu, ''), 'utf8').toString('latin1');
