/**
 * Tells authorised callers why a binding was placed as it was: `GET /decisions/<namespace>/<name>`, `GET /decisions/<name>` for a
 * ClusterResourceBinding; `?format=json` for machines. Bearer tokens only, over TLS; the control plane says who the caller is
 * (TokenReview) and whether they may `get` the subresource `decision` of the binding (SubjectAccessReview).
 */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Client } from '../../client/client.ts';
import { withTimeout } from '../../component/abort.ts';
import { parseBindAddress } from '../../component/bind-address.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';
import { type Logger, silentLogger } from '../../component/logging.ts';
import type { DecisionEntry } from './decision-log.ts';
import { decisionText } from './decision-text.ts';
import { nextSteps } from './next-steps.ts';

export interface DecisionsServerOptions {
  /** As of --decisions-bind-address. */
  address: string;
  /** Undefined: a self-signed certificate that lives as long as the process. */
  serving?: KeyPair | undefined;
  client: Client;
  /** Undefined: there is no such binding, or the scheduler does not place it. */
  explain(key: string): DecisionEntry | undefined;
  logger?: Logger | undefined;
}

export interface DecisionsServer {
  readonly address: AddressInfo;
  stop(): Promise<void>;
}

const maxRequests = 16;
const reviewTimeoutMs = 10_000;

/** Undefined when the address is switched off; rejects when it is taken. */
export async function serveDecisions(options: DecisionsServerOptions): Promise<DecisionsServer | undefined> {
  const { logger = silentLogger } = options;
  const at = parseBindAddress(options.address);
  if (at === undefined) return undefined;
  const serving = options.serving ?? (await selfSigned(at.host ?? 'localhost'));
  let underWay = 0;
  const server: Server = createServer(
    { ...serving, minVersion: 'TLSv1.2', headersTimeout: 10_000, requestTimeout: 30_000 },
    (request, response) => {
      const send = ({ status, type = 'text/plain; charset=utf-8', body }: Answer): void => {
        const headers = { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
        response.writeHead(status, headers).end(body);
      };
      if (underWay >= maxRequests) {
        send({ status: 429, body: 'too many requests, try again later\n' });
        return;
      }
      underWay++;
      answer(request.method ?? '', request.url ?? '/', request.headers.authorization, options)
        .catch((error: unknown): Answer => {
          logger.warn('Could not answer why a binding was placed', { err: error });
          return { status: 500, body: 'the control plane could not say whether you may see this\n' };
        })
        .then(send)
        .finally(() => {
          underWay--;
        });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    address: server.address() as AddressInfo,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  status: number;
  type?: string;
  body: string;
}

async function answer(
  method: string,
  url: string,
  authorization: string | undefined,
  { client, explain }: DecisionsServerOptions,
): Promise<Answer> {
  const target = parseTarget(url);
  if (target === undefined) return { status: 404, body: '404 page not found\n' };
  if (method !== 'GET') return { status: 405, body: 'only GET\n' };
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const user = token === undefined ? undefined : await authenticate(client, token);
  if (user === undefined) return { status: 401, body: 'a valid bearer token is needed\n' };
  if (!(await isAllowed(client, user, target)))
    return {
      status: 403,
      body: `user ${JSON.stringify(user.username ?? '')} may not get the decision of ${target.key}\n`,
    };
  const entry = explain(target.key);
  if (entry === undefined) return { status: 404, body: `no decision for ${target.key}\n` };
  return target.json
    ? { status: 200, type: 'application/json', body: `${JSON.stringify({ ...entry, next: nextSteps(entry) })}\n` }
    : { status: 200, body: decisionText(entry) };
}

interface Target {
  namespace: string;
  name: string;
  key: string;
  json: boolean;
}

function parseTarget(url: string): Target | undefined {
  let parts: string[];
  const { pathname, searchParams } = new URL(url, 'https://localhost');
  try {
    parts = pathname.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const [first, ...path] = parts;
  if (first !== 'decisions' || path.length < 1 || path.length > 2) return undefined;
  if (path.some((part) => part === '' || part.includes('/'))) return undefined;
  const [namespace = '', name = ''] = path.length === 2 ? path : ['', path[0]];
  return { namespace, name, key: path.join('/'), json: searchParams.get('format') === 'json' };
}

interface User {
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

async function authenticate(client: Client, token: string): Promise<User | undefined> {
  const review = await ask<{ authenticated?: boolean; user?: User }>(client, 'authentication.k8s.io', 'TokenReview', {
    token,
  });
  return review.authenticated === true ? review.user : undefined;
}

async function isAllowed(client: Client, user: User, { namespace, name }: Target): Promise<boolean> {
  const { username, ...who } = user;
  const review = await ask<{ allowed?: boolean }>(client, 'authorization.k8s.io', 'SubjectAccessReview', {
    ...who,
    user: username,
    resourceAttributes: {
      verb: 'get',
      group: 'work.karmada.io',
      version: 'v1alpha2',
      resource: namespace === '' ? 'clusterresourcebindings' : 'resourcebindings',
      subresource: 'decision',
      name,
      ...(namespace === '' ? {} : { namespace }),
    },
  });
  return review.allowed === true;
}

async function ask<T>(client: Client, group: string, kind: string, spec: object): Promise<T> {
  const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
  const body = { apiVersion: `${group}/v1`, kind, spec };
  const review = await withTimeout(new AbortController().signal, reviewTimeoutMs, (signal) =>
    client.request<{ status?: T }>('POST', path, { body, signal }),
  );
  return review.status ?? ({} as T);
}

async function selfSigned(host: string): Promise<KeyPair> {
  const ca = await createCertificateAuthority({ commonName: 'karmada-scheduler-ca', days: 365 });
  const address = /^[\d.]+$|:/.test(host);
  const names = address ? { ipAddresses: [host] } : { dnsNames: [host] };
  return issueCertificate(ca, { commonName: 'karmada-scheduler', ...names, days: 365, usages: ['server'] });
}
