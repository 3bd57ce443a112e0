/** Sends interpretation requests to webhooks and checks the form of what comes back. */
import { randomUUID } from 'node:crypto';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type {
  ResourceInterpreterContext,
  ResourceInterpreterRequest,
  ResourceInterpreterResponse,
} from '../../apis/config/v1alpha1/resource-interpreter-context.ts';
import type { InterpreterWebhook } from '../../apis/config/v1alpha1/resource-interpreter-webhook-configuration.ts';
import { createTransport } from '../../client/http-transport.ts';
import type { Transport, TransportResponse } from '../../client/transport.ts';
import { type FindService, webhookAddress } from './address.ts';

export interface WebhookCaller {
  /** @throws WebhookUnavailable when no answer came, Error for an answer that is a failure or malformed */
  call(
    hook: DeepReadonly<InterpreterWebhook>,
    request: Omit<ResourceInterpreterRequest, 'uid'>,
  ): Promise<ResourceInterpreterResponse>;
  close(): Promise<void>;
}

/** There was no answer in time: what a breaker counts. */
export class WebhookUnavailable extends Error {}

const contextVersion = 'v1alpha1';
const defaultTimeoutSeconds = 10;
const maxAnswer = 16 * 1024 * 1024;
/** Connections kept at most; addresses change only with configurations and Services. */
const maxTransports = 64;

export function createWebhookCaller(findService: FindService): WebhookCaller {
  const transports = new Map<string, Transport>();

  function transportTo({ key, connection }: ReturnType<typeof webhookAddress>): Transport {
    let transport = transports.get(key);
    if (transport === undefined) {
      transport = createTransport(connection, { userAgent: 'karmada-resource-interpreter' });
      if (transports.size >= maxTransports) {
        const [oldest, unused] = transports.entries().next().value as [string, Transport];
        transports.delete(oldest);
        void unused.close();
      }
    } else transports.delete(key);
    transports.set(key, transport);
    return transport;
  }

  return {
    async call(hook, request) {
      if (!hook.interpreterContextVersions.includes(contextVersion))
        throw new Error(`webhook does not accept known ResourceInterpreterContext versions (${contextVersion})`);
      const uid = randomUUID();
      const context: ResourceInterpreterContext = {
        apiVersion: `config.karmada.io/${contextVersion}`,
        kind: 'ResourceInterpreterContext',
        request: { uid, ...request },
      };
      const address = webhookAddress(hook.clientConfig, findService);
      const seconds = hook.timeoutSeconds ?? defaultTimeoutSeconds;
      const text = await post(transportTo(address), address.path, JSON.stringify(context), seconds);
      return checkedResponse(uid, text);
    },
    async close() {
      await Promise.all([...transports.values()].map((transport) => transport.close()));
      transports.clear();
    },
  };
}

async function post(transport: Transport, path: string, body: string, seconds: number): Promise<string> {
  const signal = AbortSignal.timeout(seconds * 1000);
  let response: TransportResponse;
  let text: string;
  try {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    response = await transport.request({ method: 'POST', path, headers, body, signal });
    text = await read(response);
  } catch (error) {
    const why = signal.aborted ? `no answer within ${seconds} s` : (error as Error).message;
    throw new WebhookUnavailable(`failed calling webhook: ${why}`, { cause: error });
  }
  if (response.status === 200) return text;
  const message = `webhook answered with HTTP status ${response.status}: ${text.slice(0, 500)}`;
  throw response.status >= 500 ? new WebhookUnavailable(message) : new Error(message);
}

async function read(response: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > maxAnswer) throw new Error(`the answer is longer than ${maxAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function checkedResponse(uid: string, text: string): ResourceInterpreterResponse {
  let context: Partial<ResourceInterpreterContext> | null;
  try {
    context = JSON.parse(text) as Partial<ResourceInterpreterContext> | null;
  } catch (error) {
    throw new Error(`webhook answered what is not JSON: ${(error as Error).message}`);
  }
  if (context?.kind !== 'ResourceInterpreterContext' || context.apiVersion !== `config.karmada.io/${contextVersion}`)
    throw new Error(`unexpected GroupVersionKind: ${context?.apiVersion ?? ''}, Kind=${context?.kind ?? ''}`);
  const { response } = context;
  if (response === undefined || response === null) throw new Error('webhook response was absent');
  if (response.uid !== uid)
    throw new Error(`expected response.uid ${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  if (response.successful !== true) {
    const { status } = response;
    if (status === undefined || status === null)
      throw new Error('webhook require response.status when response.successful is false');
    throw new Error(`webhook call failed, get status code: ${status.code ?? 0}, msg: ${status.message ?? ''}`);
  }
  return response;
}
