/** POSTs a review to a webhook over HTTPS, within its time and a bounded number of calls at once. */
import { Agent, request as httpsRequest } from 'node:https';
import type { LookupFunction as NetLookup } from 'node:net';
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { createLookup } from '../../../component/host-lookup.ts';
import type { WebhookClientConfig } from '../../../kubernetes/admissionregistration/webhook-types.ts';

export interface WebhookClient {
  /** The parsed JSON of the reply. Throws an Error with a Go-like text: `Post "https://…": context deadline exceeded`. */
  post(
    config: DeepReadonly<WebhookClientConfig>,
    body: unknown,
    timeoutSeconds: number,
    signal: AbortSignal,
  ): Promise<unknown>;
  close(): void;
}

/** Calls to one address that may run at once: a webhook that hangs must not take all of the server's requests with it. */
const maxCalls = 100;
const maxReplyBytes = 16 * 1024 * 1024;

/** `https://name.namespace.svc:443/path` for a service; its name is resolved as this process resolves names. */
export function webhookUrl({ url, service }: DeepReadonly<WebhookClientConfig>): URL {
  if (service === undefined) return new URL(url ?? '');
  return new URL(`https://${service.name}.${service.namespace}.svc:${service.port ?? 443}${service.path ?? ''}`);
}

export function createWebhookClient(): WebhookClient {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 8, timeout: 60_000 });
  const lookup = createLookup() as unknown as NetLookup;
  const running = new Map<string, number>();

  function send(url: URL, ca: Buffer | undefined, body: Buffer, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        url,
        {
          method: 'POST',
          agent,
          lookup,
          signal,
          headers: { 'content-type': 'application/json', accept: 'application/json', 'content-length': body.length },
          ...(ca === undefined ? {} : { ca }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > maxReplyBytes) response.destroy(new Error(`the reply is longer than ${maxReplyBytes} bytes`));
            else chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            try {
              resolve(parseReply(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      request.on('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that the other side has closed meanwhile: nothing was processed, once more.
        if (request.reusedSocket && error.code === 'ECONNRESET') send(url, ca, body, signal).then(resolve, reject);
        else reject(error);
      });
      request.end(body);
    });
  }

  return {
    async post(config, review, timeoutSeconds, signal) {
      const url = webhookUrl(config);
      url.searchParams.set('timeout', `${timeoutSeconds}s`);
      const calls = running.get(url.host) ?? 0;
      if (calls >= maxCalls) throw new Error(`Post "${postUrl(config, url)}": more than ${maxCalls} calls are running`);
      running.set(url.host, calls + 1);
      const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
      const ca = config.caBundle ? Buffer.from(config.caBundle, 'base64') : undefined;
      try {
        return await send(url, ca, Buffer.from(JSON.stringify(review)), AbortSignal.any([timeout, signal]));
      } catch (error) {
        if (error instanceof ReplyError) throw error;
        const why = timeout.aborted ? 'context deadline exceeded' : goText(error as NodeJS.ErrnoException, url);
        throw new Error(`Post "${postUrl(config, url)}": ${why}`, { cause: error });
      } finally {
        const left = (running.get(url.host) ?? 1) - 1;
        if (left === 0) running.delete(url.host);
        else running.set(url.host, left);
      }
    },
    close: () => agent.destroy(),
  };
}

/** The URL with the port that the class URL leaves out for being usual. */
const postUrl = ({ service }: DeepReadonly<WebhookClientConfig>, url: URL): string =>
  service === undefined || url.port !== ''
    ? url.href
    : url.href.replace(`https://${url.hostname}`, `https://${url.hostname}:${service.port ?? 443}`);

class ReplyError extends Error {}

function parseReply(status: number, text: string): unknown {
  if (status < 200 || status > 299) {
    if (status === 404) throw new ReplyError('the server could not find the requested resource');
    throw new ReplyError(
      `an error on the server (${JSON.stringify(text.slice(0, 1000))}) has prevented the request from succeeding`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ReplyError(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

function goText(error: NodeJS.ErrnoException & { address?: string; port?: number }, url: URL): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `dial tcp ${error.address ?? url.hostname}:${error.port ?? url.port}: connect: connection refused`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${url.hostname}: no such host`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_HAS_EXPIRED':
      return `tls: failed to verify certificate: x509: ${error.message}`;
    default:
      return error.message;
  }
}
