/** The way to a server: a TCP port that passes on, can be cut, turned to another server, and made to hang. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Way {
  port: number;
  /** Where new connections go, a port; undefined: they are closed. */
  to: number | undefined;
  /** Ends all connections there are. */
  cut(): void;
  /** Nothing is passed on any more, nor ended; afterwards everything is. */
  hang(hanging: boolean): void;
  close(): void;
}

export const listening = (server: Server): Promise<void> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

export async function startWay(to: number): Promise<Way> {
  const open = new Set<Socket>();
  let hanging = false;
  const keep = (socket: Socket): Socket => {
    open.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    return socket;
  };
  const server = createServer((incoming) => {
    keep(incoming);
    if (way.to === undefined) return void incoming.destroy();
    const outgoing = keep(connect(way.to, '127.0.0.1'));
    for (const [from, into] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      from.on('data', (chunk) => into.write(chunk));
      from.on('close', () => into.destroy());
      if (hanging) from.pause();
    }
  });
  await listening(server);
  const way: Way = {
    port: (server.address() as AddressInfo).port,
    to,
    cut() {
      for (const socket of open) socket.destroy();
    },
    hang(on) {
      hanging = on;
      for (const socket of open) on ? socket.pause() : socket.resume();
    },
    close() {
      way.cut();
      server.close();
    },
  };
  return way;
}
