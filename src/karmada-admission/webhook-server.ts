/** Karmada's admission for an API server that is not ours: HTTPS, a path a webhook, answers without side effects. */
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { badRequest, entityTooLarge, pathNotFound, StatusError } from '../apimachinery/status-error.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import {
  answerDeletion,
  answerMutating,
  answerValidating,
  parseReview,
  type ReviewRequest,
  type ReviewResponse,
} from './admission-review.ts';
import { answerConversion } from './conversion-review.ts';
import type { KindRules } from './kind-rules.ts';
import { deletionProtectionPath, mutatePath, validatePath } from './webhook-configurations.ts';

export interface WebhookServerOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  cert: string;
  key: string;
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
  rules: readonly KindRules[];
  logger?: Logger;
}

export interface WebhookServer {
  readonly address: AddressInfo;
  /** Later connections get this certificate. */
  useCertificate(pair: { cert: string; key: string }): void;
  stop(): Promise<void>;
}

type Handler = (body: string) => object | Promise<object>;

/** An object of 3 MiB, twice, and what stands around it. */
const maxBodyBytes = 8 * 1024 * 1024;

/** Rejects when the address is taken. */
export async function serveWebhooks(options: WebhookServerOptions): Promise<WebhookServer> {
  const { host, port, cert, key, minVersion = 'TLSv1.3', logger = silentLogger } = options;
  const handlers = handlersByPath(options.rules);
  const server = createServer(
    { cert, key, minVersion, headersTimeout: 10_000, requestTimeout: 30_000 },
    (request, response) => {
      const send = (status: number, type: string, body: string) =>
        response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body);
      void answer(request, handlers).then(
        (body) => send(200, 'application/json', JSON.stringify(body)),
        (error: unknown) => {
          const status = error instanceof StatusError ? error.code : 500;
          if (status === 500) logger.error('Could not answer a webhook call', { err: error, path: request.url });
          send(
            status,
            'text/plain; charset=utf-8',
            `${status === 500 ? 'internal error' : (error as Error).message}\n`,
          );
        },
      );
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    address: server.address() as AddressInfo,
    useCertificate: (pair) => server.setSecureContext({ ...pair, minVersion }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // What is being answered is answered; the grace period of the process ends what does not end.
        server.closeIdleConnections();
      }),
  };
}

function handlersByPath(rules: readonly KindRules[]): Map<string, Handler> {
  const review =
    (answerTo: (request: ReviewRequest) => ReviewResponse | Promise<ReviewResponse>): Handler =>
    async (body) => ({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: await answerTo(parseReview(body)),
    });
  const handlers = new Map<string, Handler>([
    ['/convert', answerConversion],
    [deletionProtectionPath, review(answerDeletion)],
  ]);
  for (const kind of rules) {
    if (kind.mutate !== undefined)
      handlers.set(
        mutatePath(kind),
        review((request) => answerMutating(request, kind)),
      );
    if (kind.validate !== undefined)
      handlers.set(
        validatePath(kind),
        review((request) => answerValidating(request, kind)),
      );
  }
  return handlers;
}

async function answer(request: IncomingMessage, handlers: ReadonlyMap<string, Handler>): Promise<object> {
  const { pathname } = new URL(request.url ?? '/', 'https://localhost');
  if (pathname === '/readyz' || pathname === '/readyz/') return {};
  const handler = handlers.get(pathname);
  if (handler === undefined) throw pathNotFound();
  if (request.method !== 'POST') throw badRequest('a review is sent with POST');
  return handler(await bodyOf(request));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBodyBytes) throw entityTooLarge(maxBodyBytes);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
