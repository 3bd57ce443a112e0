/** Who answers behind the ports of simulated containers: a small HTTP server that says whom it was asked for. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ReadablePod } from './runtime.ts';
import { createDuplexPair } from './streaming/duplex-pair.ts';

interface Door {
  pod: string;
  container: string;
  port: number;
}

/** One for all pods of the process; it never listens. */
const doors = new WeakMap<object, Door>();
const server = createServer((request, response) => respond(request, response, doors.get(request.socket)));
server.on('clientError', (_error, socket) => socket.destroy());

/** A connection to a TCP port that a container declares. Throws as a refused connection otherwise. */
export function dialSimulated(pod: ReadablePod, port: number): Duplex {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const owner = containers.find((container) =>
    container.ports?.some((declared) => declared.containerPort === port && (declared.protocol ?? 'TCP') === 'TCP'),
  );
  if (owner === undefined) throw refused(port);
  const [client, served] = createDuplexPair();
  doors.set(served, { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, container: owner.name, port });
  server.emit('connection', served);
  return client;
}

/** What a dial to a port that nobody listens on says, with the address that a program in the pod would use. */
export const refused = (port: number): Error => new Error(`dial tcp4 127.0.0.1:${port}: connect: connection refused`);

function respond(request: IncomingMessage, response: ServerResponse, door: Door | undefined): void {
  const { pod = '', container = '', port = 0 } = door ?? {};
  const text = `pod ${pod}\ncontainer ${container}\nport ${port}\nrequest ${request.method} ${request.url}\n`;
  // A body may be sent before the reply is read.
  request.resume();
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) });
  response.end(request.method === 'HEAD' ? undefined : text);
}
