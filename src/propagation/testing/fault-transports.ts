/** Transports that misbehave in a given way, for tests of what controllers make of it. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { Transport, TransportRequest, TransportResponse } from '../../client/transport.ts';

export type Through = (transport: Transport, member?: string) => Transport;

/** What was sent, reads and Events left out. */
export interface Sent {
  method: string;
  path: string;
  /** Absent: to the control plane. */
  member: string | undefined;
}

const isWrite = ({ method, path }: TransportRequest): boolean =>
  method !== 'GET' && !/\/events(\/|\?|$)/.test(path) && !path.includes('/leases');

function around(transport: Transport, request: Transport['request']): Transport {
  return { request, close: () => transport.close() };
}

export function recording(into: Sent[]): Through {
  return (transport, member) =>
    around(transport, (request) => {
      if (isWrite(request)) into.push({ method: request.method, path: request.path.replace(/\?.*/, ''), member });
      return transport.request(request);
    });
}

export const both =
  (outer: Through, inner: Through): Through =>
  (transport, member) =>
    outer(inner(transport, member), member);

/** Of all writes the first `count` are made; of the last of them, the answer is lost. Then nothing is sent any more. */
export function dyingAfter(count: number): { through: Through; dead(): boolean } {
  let writes = 0;
  return {
    dead: () => writes > count,
    through: (transport) =>
      around(transport, async (request) => {
        if (!isWrite(request)) return await transport.request(request);
        writes++;
        if (writes > count) throw new Error('killed');
        const response = await transport.request(request);
        if (writes < count) return response;
        for await (const _ of response.body);
        writes++;
        throw new Error('killed before the answer came');
      }),
  };
}

/** Watches show events twice, late, in another order among objects, and break off before one. */
export function shakyWatches(random: () => number): Through {
  return (transport) =>
    around(transport, async (request) => {
      if (!request.path.includes('watch=')) return await transport.request(request);
      // As bytes, also where a server in this process would hand over objects.
      const response = await transport.request({ ...request, shared: false });
      if (response.status !== 200) return response;
      return { ...response, body: shake(response.body, random) };
    });
}

async function* shake(body: AsyncIterable<Uint8Array>, random: () => number): AsyncGenerator<Uint8Array> {
  let rest = '';
  /** An event held back: until the next one of another object, or a moment without any. */
  let held: string | undefined;
  const decoder = new TextDecoder();
  const chunks = body[Symbol.asyncIterator]();
  const linesOut = (lines: readonly string[]): Uint8Array => Buffer.from(lines.map((line) => `${line}\n`).join(''));
  try {
    for (let next = chunks.next(); ; ) {
      const chunk = held === undefined ? await next : await Promise.race([next, aMoment()]);
      if (chunk === undefined) {
        if (held !== undefined) yield linesOut([held]);
        held = undefined;
        continue;
      }
      if (chunk.done === true) return;
      next = chunks.next();
      rest += decoder.decode(chunk.value, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      const out: string[] = [];
      for (const line of lines) {
        const fate = random();
        // The connection is lost with this event; the next watch begins where the last seen one was.
        if (fate < 0.05) {
          next.catch(() => {});
          yield linesOut(out);
          return;
        }
        if (held === undefined && fate < 0.15 && !line.includes('"BOOKMARK"')) {
          held = line;
          continue;
        }
        // Only events of one object have an order that counts: that of its versions.
        if (held !== undefined && nameOf(held) === nameOf(line)) {
          out.push(held);
          held = undefined;
        }
        out.push(line);
        if (fate > 0.85) out.push(line);
        if (held !== undefined) out.push(held);
        held = undefined;
      }
      if (out.length > 0) yield linesOut(out);
    }
  } finally {
    void chunks.return?.();
  }
}

const aMoment = (): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, 20, undefined));

const nameOf = (line: string): string => /"uid":"[^"]*"/.exec(line)?.[0] ?? line;

/** The first requests to a member fail in turn: 429, 500, half an answer, no answer for a while. */
export function failingMember(random: () => number, failures: number, member = 'member1'): Through {
  let left = failures;
  return (transport, to) => {
    if (to !== member) return transport;
    return around(transport, async (request) => {
      if (left === 0 || request.path.includes('watch=')) return await transport.request(request);
      left--;
      const fate = Math.floor(random() * 4);
      if (fate === 0) return failure(429, 'TooManyRequests');
      if (fate === 1) return failure(500, 'InternalError');
      const response = await transport.request({ ...request, shared: false });
      if (fate === 2) return { ...response, body: half(response) };
      await new Promise((resolve) => setTimeout(resolve, 30));
      return response;
    });
  };
}

/** A member with an admission webhook that has its own will about Deployments: `change` is made of whatever is written. */
export function mutatingMember(change: (object: Unstructured) => void, member = 'member1'): Through {
  return (transport, to) =>
    to !== member
      ? transport
      : around(transport, async (request) => {
          if (!isWriteOf(request, 'deployments')) return await transport.request(request);
          const object = cloneJson((request.value ?? JSON.parse(String(request.body))) as Unstructured);
          change(object);
          return await transport.request({ ...request, value: undefined, body: JSON.stringify(object) });
        });
}

/** A member whose admission webhook refuses to have Deployments written for as long as `refuses` says so. */
export function refusingMember(refuses: () => boolean, member = 'member1'): Through {
  return (transport, to) =>
    to !== member
      ? transport
      : around(transport, async (request) =>
          isWriteOf(request, 'deployments') && refuses()
            ? failure(403, 'Forbidden', 'admission webhook "owner.example.io" denied the request: not by you')
            : await transport.request(request),
        );
}

const isWriteOf = ({ method, path }: TransportRequest, resource: string): boolean =>
  (method === 'POST' || method === 'PUT') && path.includes(`/${resource}`);

function failure(code: number, reason: string, message = 'for a test'): TransportResponse {
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code };
  return {
    status: code,
    headers: { 'content-type': 'application/json' },
    body: (async function* () {
      yield Buffer.from(JSON.stringify(status));
    })(),
  };
}

async function* half(response: TransportResponse): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  yield whole.subarray(0, whole.length / 2);
}
