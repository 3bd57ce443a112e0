/**
 * The proxy to all clusters at once: the name `*` in `clusters/{name}/proxy/{path}`.
 *
 *   no resource (/api, /version) ──▶ the control plane itself, as the caller
 *   an object                    ──▶ the one cluster that has it; none: 404, several: 409
 *   a list                       ──▶ every cluster; one list of all that answered
 */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { statusFailure } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { UserInfo } from '../../apiserver/authentication/user-info.ts';
import { responseHeaders } from '../../apiserver/forwarding/forwarded-headers.ts';
import type { ApiRequest, ApiResponse } from '../../apiserver/request.ts';
import { parseRequestInfo, type RequestInfo } from '../../apiserver/request-info.ts';
import type { ConnectRequest } from '../../apiserver/server.ts';
import { readBytes } from '../../client/response.ts';
import type { Transport, TransportRequest } from '../../client/transport.ts';
import { withTimeout } from '../../component/abort.ts';

export interface AllClustersOptions {
  listClusters(): Promise<readonly DeepReadonly<Cluster>[]>;
  /** The API server of the control plane, asked by this user. */
  controlPlane(user: UserInfo): Transport;
  /** Forwards to one cluster. */
  toCluster(connect: ConnectRequest, cluster: DeepReadonly<Cluster>): Promise<ApiResponse>;
  /** A cluster that has not answered by then counts as one that is away. Default 5 s. */
  askTimeoutMs?: number | undefined;
}

/** Of one cluster's answer, in bytes. */
const maxAnswer = 64 * 1024 * 1024;

export function createAllClusters(options: AllClustersOptions): (connect: ConnectRequest) => Promise<ApiResponse> {
  return async (connect) => {
    const path = `/${connect.rest}`;
    const info = parseRequestInfo(connect.request.method, path, connect.request.query);
    if (!info.isResource) return askControlPlane(options, connect, path);
    const clusters = await options.listClusters();
    if (info.name !== '') return askOwner(options, connect, info, clusters);
    if (info.verb !== 'list') throw statusFailure(405, 'MethodNotAllowed', `Request verb ${info.verb} is not support`);
    return askAll(options, connect, clusters);
  };
}

async function askControlPlane(
  { controlPlane }: AllClustersOptions,
  { request, user }: ConnectRequest,
  path: string,
): Promise<ApiResponse> {
  const transport = controlPlane(user);
  const { accept } = request.headers;
  const query = request.query.size > 0 ? `?${request.query}` : '';
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
  try {
    const answer = await transport.request({
      method: request.method as TransportRequest['method'],
      path: path + query,
      headers: accept === undefined ? {} : { accept },
      body: hasBody ? await request.readBody() : undefined,
      signal: request.signal,
    });
    return {
      status: answer.status,
      headers: responseHeaders(answer.headers),
      body: await readBytes(answer),
    };
  } finally {
    await transport.close();
  }
}

/** Looked for by GET whatever is asked: looking must change nothing. */
async function askOwner(
  options: AllClustersOptions,
  connect: ConnectRequest,
  info: RequestInfo,
  clusters: readonly DeepReadonly<Cluster>[],
): Promise<ApiResponse> {
  const parts = connect.rest.split('/');
  // What stands in front of the name, and the name; a subresource asks for rights of its own.
  const behind = (info.subresource === '' ? 0 : 1) + (info.rest === '' ? 0 : info.rest.split('/').length);
  const rest = parts.slice(0, parts.length - behind).join('/');
  const answers = await Promise.all(clusters.map((cluster) => ask(options, connect, cluster, { rest })));
  const owners = clusters.filter((_, index) => answers[index]?.status === 200);
  const [owner] = owners;
  if (owner === undefined)
    throw statusFailure(404, 'NotFound', "resource not found or don't have permission to get it");
  if (owners.length > 1) {
    const names = owners.map(({ metadata }) => metadata.name).sort();
    throw statusFailure(409, 'Conflict', `conflict resource, exist in more than one cluster: ${names.join(',')}`);
  }
  return options.toCluster(connect, owner);
}

async function askAll(
  options: AllClustersOptions,
  connect: ConnectRequest,
  clusters: readonly DeepReadonly<Cluster>[],
): Promise<ApiResponse> {
  const query = new URLSearchParams(connect.request.query);
  // Pages of several servers cannot be continued as one.
  for (const name of ['limit', 'continue']) query.delete(name);
  const wanted = String(connect.request.headers['accept'] ?? '').includes('as=Table') ? [asTable, asList] : [asList];
  let answers: Answer[] = [];
  let merged: object | undefined;
  for (const accept of wanted) {
    answers = await Promise.all(
      clusters.map((cluster) => ask(options, connect, cluster, { rest: connect.rest, query, accept })),
    );
    const lists = answers.flatMap(({ status, body }) => (status === 200 ? [JSON.parse(body.toString()) as List] : []));
    if (lists.length === 0) throw statusFailure(404, 'NotFound', 'not found');
    merged = merge(lists);
    if (merged !== undefined) break;
  }
  const away = answers.flatMap(({ status, problem }, index) =>
    status === 200 || status === 404 ? [] : [`cluster ${clusters[index]?.metadata.name}: ${problem || status}`],
  );
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(away.length === 0 ? {} : { warning: away.slice(0, 20).map(warning) }),
    },
    body: JSON.stringify(merged),
  };
}

const asList = 'application/json';
const asTable = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

interface List {
  kind: string;
  metadata?: Record<string, unknown>;
  columnDefinitions?: { name: string }[];
  rows?: unknown[];
  items?: unknown[];
}

/** Undefined for Tables with other columns: members of other versions print otherwise. */
function merge(lists: readonly List[]): List | undefined {
  const [first] = lists;
  if (first === undefined) return undefined;
  // Revisions of several servers say nothing together.
  const metadata = {};
  if (lists.every(({ kind }) => kind !== 'Table'))
    return { ...first, metadata, items: lists.flatMap(({ items }) => items ?? []) };
  const columns = ({ columnDefinitions = [] }: List): string => columnDefinitions.map(({ name }) => name).join();
  if (lists.some((list) => list.kind !== 'Table' || columns(list) !== columns(first))) return undefined;
  return { ...first, metadata, rows: lists.flatMap(({ rows }) => rows ?? []) };
}

interface Answer {
  /** 0: none. */
  status: number;
  body: Buffer;
  problem: string;
}

interface Question {
  rest: string;
  query?: URLSearchParams;
  accept?: string;
}

/** GET; never rejects. */
async function ask(
  { toCluster, askTimeoutMs = 5_000 }: AllClustersOptions,
  connect: ConnectRequest,
  cluster: DeepReadonly<Cluster>,
  { rest, query = new URLSearchParams(), accept = asList }: Question,
): Promise<Answer> {
  try {
    return await withTimeout(connect.request.signal, askTimeoutMs, async (signal) => {
      const { upgrade: _, ...plain } = connect.request;
      const request: ApiRequest = { ...plain, method: 'GET', query, headers: { accept }, signal };
      const answer = await toCluster({ ...connect, rest, request }, cluster);
      return { status: answer.status, body: await wholeBody(answer), problem: '' };
    });
  } catch (error) {
    return { status: 0, body: Buffer.alloc(0), problem: error instanceof Error ? error.message : String(error) };
  }
}

async function wholeBody({ body }: ApiResponse): Promise<Buffer> {
  if (typeof body !== 'function') return Buffer.from(body);
  const chunks: Buffer[] = [];
  let length = 0;
  await body(async (chunk) => {
    length += chunk.length;
    if (length > maxAnswer) throw new Error(`its answer is larger than ${maxAnswer} bytes`);
    chunks.push(Buffer.from(chunk));
  });
  return Buffer.concat(chunks);
}

/** Of RFC 9111, 5.5, as Kubernetes' clients show it. */
const warning = (text: string): string => `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, '?'))}`;
