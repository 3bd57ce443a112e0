/**
 * The one error class. Everything that fails in terms of the API throws a StatusError; the edge turns it into a Status
 * body, a CLI line or a condition. Message forms follow Kubernetes' so that tools that match on them keep working.
 */
import { groupKind, groupResource } from './group-version.ts';

export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'Invalid'
  | 'TooManyRequests'
  | 'ServerTimeout'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string };
  status: 'Success' | 'Failure';
  message?: string;
  /** One of StatusReason when we made it; any string when another server did. */
  reason?: string;
  details?: StatusDetails;
  code: number;
}

export class StatusError extends Error {
  readonly status: Status;

  constructor(status: Status, options?: { cause?: unknown }) {
    super(status.message ?? status.reason ?? 'unknown', options);
    this.name = 'StatusError';
    this.status = status;
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string | undefined {
    return this.status.reason;
  }
}

function failure(
  code: number,
  reason: StatusReason | undefined,
  message: string,
  details?: StatusDetails,
  cause?: unknown,
): StatusError {
  const status: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code };
  if (reason !== undefined) status.reason = reason;
  if (details !== undefined) status.details = details;
  return new StatusError(status, { cause });
}

type Resource = Readonly<{ group: string; resource: string }>;

function resourceDetails(type: Resource, name: string): StatusDetails {
  const details: StatusDetails = {};
  if (name !== '') details.name = name;
  if (type.group !== '') details.group = type.group;
  details.kind = type.resource;
  return details;
}

export const badRequest = (message: string, cause?: unknown): StatusError =>
  failure(400, 'BadRequest', message, undefined, cause);

export const unauthorized = (): StatusError => failure(401, 'Unauthorized', 'Unauthorized');

/** `why` is what follows `pods "x" is forbidden: `. */
export function forbidden(type: Resource, name: string, why: string, causes?: StatusCause[]): StatusError {
  const subject = name === '' ? `${groupResource(type)} is` : `${groupResource(type)} "${name}" is`;
  const details = resourceDetails(type, name);
  if (causes !== undefined) details.causes = causes;
  return failure(403, 'Forbidden', `${subject} forbidden: ${why}`, details);
}

/** For non-resource paths: `forbidden: User "u" cannot get path "/x"`. */
export const forbiddenPath = (why: string): StatusError => failure(403, 'Forbidden', `forbidden: ${why}`, {});

export const notFound = (type: Resource, name: string): StatusError =>
  failure(404, 'NotFound', `${groupResource(type)} "${name}" not found`, resourceDetails(type, name));

/** An unknown path or resource. */
export const pathNotFound = (): StatusError =>
  failure(404, 'NotFound', 'the server could not find the requested resource', {});

export const methodNotAllowed = (): StatusError =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const notAcceptable = (accepted: readonly string[]): StatusError =>
  failure(406, 'NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`);

export const alreadyExists = (type: Resource, name: string): StatusError =>
  failure(409, 'AlreadyExists', `${groupResource(type)} "${name}" already exists`, resourceDetails(type, name));

export const conflict = (type: Resource, name: string, why: string): StatusError =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${groupResource(type)} "${name}": ${why}`,
    resourceDetails(type, name),
  );

/** A write that carried an older resourceVersion than the stored one. */
export const modifiedConflict = (type: Resource, name: string): StatusError =>
  conflict(type, name, 'the object has been modified; please apply your changes to the latest version and try again');

export function expired(message: string, continueToken?: string): StatusError {
  const error = failure(410, 'Expired', message);
  if (continueToken !== undefined) error.status.metadata.continue = continueToken;
  return error;
}

export const entityTooLarge = (limit: number): StatusError =>
  failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);

export const unsupportedMediaType = (accepted: readonly string[]): StatusError =>
  failure(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );

export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  failure(429, 'TooManyRequests', message, { retryAfterSeconds });

export const internalError = (message: string, cause?: unknown): StatusError =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }, cause);

/** A 500 without reason or details, as upstream's storage and patch code raise them. */
export const plainError = (message: string): StatusError => failure(500, undefined, message);

export const timeoutError = (message: string, details?: StatusDetails): StatusError =>
  failure(504, 'Timeout', `Timeout: ${message}`, details);

/** Any failure with code, reason and message given: for the rare forms that have no function of their own. */
export const statusFailure = failure;

export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueDuplicate'
  | 'FieldValueForbidden'
  | 'FieldValueNotFound'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

/** One broken rule: `field` is a path such as `spec.containers[0].image`. `message` is complete, type text included. */
export interface FieldError {
  type: FieldErrorType;
  field: string;
  message: string;
}

function valueText(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : (JSON.stringify(value) ?? 'null');
}

const withDetail = (text: string, detail: string): string => (detail === '' ? text : `${text}: ${detail}`);

/** Constructors of field errors, with upstream's texts. */
export const fieldError = {
  required: (field: string, detail = ''): FieldError => ({
    type: 'FieldValueRequired',
    field,
    message: withDetail('Required value', detail),
  }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueInvalid',
    field,
    message: withDetail(`Invalid value: ${valueText(value)}`, detail),
  }),
  notSupported: (field: string, value: unknown, supported: readonly string[]): FieldError => ({
    type: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${valueText(value)}: supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}`,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${valueText(value)}`,
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    type: 'FieldValueForbidden',
    field,
    message: withDetail('Forbidden', detail),
  }),
  notFound: (field: string, value: unknown): FieldError => ({
    type: 'FieldValueNotFound',
    field,
    message: `Not found: ${valueText(value)}`,
  }),
  tooLong: (field: string, max: number, unit = 'bytes'): FieldError => ({
    type: 'FieldValueTooLong',
    field,
    message: `Too long: may not be more than ${max} ${unit}`,
  }),
  tooMany: (field: string, count: number, max: number): FieldError => ({
    type: 'FieldValueTooMany',
    field,
    message: `Too many: ${count}: must have at most ${max} items`,
  }),
  typeInvalid: (field: string, value: unknown, detail: string): FieldError => ({
    type: 'FieldValueTypeInvalid',
    field,
    message: withDetail(`Invalid value: ${valueText(value)}`, detail),
  }),
};

/** 422 from field errors; `kind` as in `Deployment.apps "x" is invalid: …`. */
export function invalid(
  type: Readonly<{ group: string; kind: string }>,
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const lines = errors.map((e) => `${e.field}: ${e.message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const details: StatusDetails = name === '' ? {} : { name };
  if (type.group !== '') details.group = type.group;
  if (type.kind !== '') details.kind = type.kind;
  details.causes = errors.map((e) => ({ reason: e.type, message: e.message, field: e.field }));
  return failure(422, 'Invalid', `${groupKind(type)} "${name}" is invalid: ${text}`, details);
}

export function isStatus(error: unknown, reason: StatusReason): error is StatusError {
  return error instanceof StatusError && error.status.reason === reason;
}

export const isNotFound = (error: unknown): error is StatusError => error instanceof StatusError && error.code === 404;
export const isConflict = (error: unknown): error is StatusError => isStatus(error, 'Conflict');
export const isAlreadyExists = (error: unknown): error is StatusError => isStatus(error, 'AlreadyExists');

/** Turns anything thrown into a StatusError; what is not one becomes an InternalError that keeps the cause. */
export function asStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  return internalError(error instanceof Error ? error.message : String(error), error);
}
