/** Errors as kubectl prints them. */
import { StatusError } from '../apimachinery/status-error.ts';
import { ConnectionError } from '../client/connection-error.ts';

/** Several errors are a line each: only what a server said says that it is an error. */
export function errorText(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(lineOfMany).join('\n');
  if (error instanceof StatusError) return statusText(error);
  if (error instanceof ConnectionError) return connectionText(error);
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith('error: ') ? message : `error: ${message}`;
}

function lineOfMany(error: unknown): string {
  if (error instanceof StatusError || error instanceof ConnectionError) return errorText(error);
  return error instanceof Error ? error.message : String(error);
}

function statusText({ status }: StatusError): string {
  const { reason = '', message = '', details } = status;
  if (reason === 'Unauthorized') return `error: You must be logged in to the server (${message})`;
  if (reason === 'Invalid' && details?.causes !== undefined && details.causes.length > 0) {
    const lines = details.causes.map(({ field, message: why }) => `${field}: ${why}`);
    const { kind = '', name = '' } = details;
    const head = kind === '' && name === '' ? 'The request is invalid: ' : `The ${kind} "${name}" is invalid: `;
    return lines.length === 1 ? head + lines[0] : `${head}\n${lines.map((line) => `* ${line}`).join('\n')}`;
  }
  return reason === '' ? `Error from server: ${message}` : `Error from server (${reason}): ${message}`;
}

function connectionText(error: ConnectionError): string {
  const server = /https?:\/\/([^/]+)/.exec(error.message)?.[1] ?? '';
  return error.code === 'ECONNREFUSED'
    ? `The connection to the server ${server} was refused - did you specify the right host or port?`
    : `Unable to connect to the server: ${error.message}`;
}
