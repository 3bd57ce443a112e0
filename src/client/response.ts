/** Reads answers: JSON or text, and whatever is not a success as a StatusError. */
import { type Status, StatusError, type StatusReason } from '../apimachinery/status-error.ts';
import type { TransportResponse } from './transport.ts';

/** Throws StatusError on status ≥ 400 and on an answer that is not JSON. */
export async function readJson(response: TransportResponse, method: string): Promise<unknown> {
  const body = await readBytes(response);
  if (response.status >= 400) throw statusErrorOf(response, body, method);
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (cause) {
    const message = `the server's answer is not JSON: ${body.toString('utf8', 0, 100)}`;
    throw new StatusError(failure(500, 'InternalError', message), { cause });
  }
}

export async function readText(response: TransportResponse, method: string): Promise<string> {
  const body = await readBytes(response);
  if (response.status >= 400) throw statusErrorOf(response, body, method);
  return body.toString('utf8');
}

export async function readBytes(response: TransportResponse): Promise<Buffer> {
  if (response.body.whole !== undefined) return response.body.whole();
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return chunks.length === 1
    ? Buffer.from(chunks[0]!.buffer, chunks[0]!.byteOffset, chunks[0]!.length)
    : Buffer.concat(chunks);
}

/** Codes whose answer without a Status body still says everything; texts are client-go's. */
const byCode: Readonly<Record<number, readonly [StatusReason, string]>> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', 'forbidden'],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  406: ['NotAcceptable', 'the server was unable to respond with a content type that the client supports'],
  409: ['Conflict', 'the server reported a conflict'],
  410: ['Gone', 'the requested resource is no longer available'],
  413: ['RequestEntityTooLarge', 'the request entity is too large'],
  415: ['UnsupportedMediaType', 'the server does not support the media type of the request'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: [
    'Timeout',
    'the server was unable to return a response in the time allotted, but may still be processing the request',
  ],
};

function statusErrorOf(response: TransportResponse, body: Buffer, method: string): StatusError {
  const text = body.toString('utf8');
  if (text.startsWith('{')) {
    try {
      const status = JSON.parse(text) as Partial<Status>;
      if (status.kind === 'Status')
        return new StatusError({ ...failure(response.status, 'InternalError', ''), ...status } as Status);
    } catch {
      // Not ours after all: a proxy's page, a truncated body.
    }
  }
  const known = byCode[response.status];
  if (known !== undefined) {
    const [reason, message] = known;
    const detail = response.status === 403 && text !== '' ? `${message}: ${text.slice(0, 200)}` : message;
    return new StatusError(failure(response.status, reason, detail));
  }
  const what = JSON.stringify(text === '' ? 'unknown' : text.slice(0, 200));
  const message = `an error on the server (${what}) has prevented the request from succeeding`;
  return new StatusError(failure(response.status, 'InternalError', message), {
    cause: new Error(`${method}: ${text.slice(0, 2000)}`),
  });
}

function failure(code: number, reason: StatusReason, message: string): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}
