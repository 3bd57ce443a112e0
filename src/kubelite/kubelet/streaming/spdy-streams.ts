/** Standard streams over SPDY, one stream each; older clients of exec and attach know nothing else. */
import { badRequest, type Status } from '../../../apimachinery/status-error.ts';
import type { ApiRequest, UpgradedConnection } from '../../../apiserver/request.ts';
import { acceptSpdy, openSpdy, type SpdyStream } from './spdy-connection.ts';
import { failure, type RemoteStreams } from './websocket-channels.ts';

/** v4 tells the outcome as a Status, v3 and before as plain text. */
const supported = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io'];
/** How long a client may take to open the streams that it asked for. */
const openingMs = 30_000;
const closingMs = 10_000;

export interface WantedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export const asksForSpdy = (request: ApiRequest): boolean => request.upgrade?.toLowerCase() === 'spdy/3.1';

/** The stream protocol of those that the client offers in `X-Stream-Protocol-Version`. Throws 400 when it offers none of ours. */
export function chooseStreamProtocol(request: ApiRequest, ours: readonly string[]): string {
  const header = request.headers['x-stream-protocol-version'] ?? '';
  const offered = [header].flat().flatMap((value) => value.split(',').map((name) => name.trim()));
  const chosen = ours.find((name) => offered.includes(name));
  if (chosen === undefined)
    throw badRequest(`unable to upgrade: the client speaks none of the protocols ${ours.join(', ')}`);
  return chosen;
}

export const chooseExecProtocol = (request: ApiRequest): string => chooseStreamProtocol(request, supported);

/** Runs `work` when all wanted streams are open; what it returns is told on the error stream. Resolves when the socket is closed. */
export function serveSpdyStreams(
  { socket, head }: UpgradedConnection,
  serverGone: AbortSignal,
  protocol: string,
  wanted: WantedStreams,
  work: (streams: RemoteStreams) => Promise<Status>,
): Promise<void> {
  return new Promise((resolve) => {
    const gone = new AbortController();
    const streams = new Map<string, SpdyStream>();
    const missing = new Set(['error']);
    for (const name of ['stdin', 'stdout', 'stderr'] as const) if (wanted[name]) missing.add(name);
    if (wanted.tty) missing.delete('stderr');
    acceptSpdy(socket, protocol);
    if (head.length > 0) socket.unshift(head);
    const session = openSpdy(
      socket,
      (stream) => {
        const type = stream.headers['streamtype'] ?? '';
        streams.set(type, stream);
        // The size of a terminal changes nothing here; nobody else reads these.
        if (type === 'resize' || type === 'error') stream.resume();
        if (missing.delete(type) && missing.size === 0) void begin();
      },
      () => {
        clearTimeout(timer);
        serverGone.removeEventListener('abort', end);
        gone.abort(new Error('the client is gone'));
        resolve();
      },
    );
    const end = (): void => session.destroy();
    const timer = setTimeout(end, openingMs);
    serverGone.addEventListener('abort', end, { once: true });

    async function begin(): Promise<void> {
      clearTimeout(timer);
      const write = (name: string) => (chunk: string | Buffer) => writeTo(streams.get(name), chunk);
      const outcome = await work({
        stdin: bytesOf(streams.get('stdin')),
        stdout: write('stdout'),
        stderr: write('stderr'),
        signal: gone.signal,
      }).catch(failure);
      const failed = outcome.status !== 'Success';
      const text = protocol === 'v4.channel.k8s.io' ? JSON.stringify(outcome) : failed ? (outcome.message ?? '') : '';
      if (text !== '') await writeTo(streams.get('error'), text);
      for (const stream of streams.values()) stream.end();
      streams.get('stdin')?.resume();
      session.end();
      // The client closes the connection when it has read all; one that does not is left.
      setTimeout(end, closingMs).unref();
    }
  });
}

function writeTo(stream: SpdyStream | undefined, chunk: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (stream === undefined || stream.destroyed || stream.writableEnded || chunk.length === 0) resolve();
    else stream.write(chunk, () => resolve());
  });
}

/** A stream that breaks off has ended. */
async function* bytesOf(stream: SpdyStream | undefined): AsyncGenerator<Buffer> {
  if (stream === undefined) return;
  const closed = new Promise<undefined>((resolve) => stream.once('close', () => resolve(undefined)));
  let ended = false;
  let wake = (): void => {};
  stream.on('readable', () => wake());
  stream.on('end', () => {
    ended = true;
    wake();
  });
  void closed.then(() => {
    ended = true;
    wake();
  });
  for (;;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk !== null) yield chunk;
    else if (ended) return;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}
