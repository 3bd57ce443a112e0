/** A watch for browsers, which cannot read a stream of HTTP with every API they have: each event is a message of its own. */
import { type WebSocket, WebSocketServer } from 'ws';
import type { ApiResponse } from '../request.ts';

type Write = (chunk: Buffer | string) => Promise<void>;

/** Subprotocols that browsers offer beside their token; text is sent in all of them. */
const protocols = ['binary.k8s.io', 'base64.binary.k8s.io'];
/** Nothing is expected from the client. */
const maxMessageBytes = 4096;

/** `watch` writes whole lines and ends when the client is gone. */
export function watchOverWebSocket(watch: (write: Write) => Promise<void>): ApiResponse {
  return {
    status: 101,
    headers: {},
    body: '',
    takeOver: ({ message, socket, head }) =>
      new Promise((resolve) => {
        // Also the end of a handshake that fails: the library answers and closes.
        socket.once('close', () => resolve());
        const server = new WebSocketServer({
          noServer: true,
          maxPayload: maxMessageBytes,
          clientTracking: false,
          perMessageDeflate: false,
          handleProtocols: (offered) => protocols.find((name) => offered.has(name)) ?? false,
        });
        server.handleUpgrade(message, socket, head, (client) => {
          client.on('error', () => client.terminate());
          void watch((chunk) => send(client, chunk)).then(
            () => client.close(1000),
            () => client.terminate(),
          );
        });
      }),
  };
}

async function send(client: WebSocket, chunk: Buffer | string): Promise<void> {
  for (const line of chunk.toString().split('\n')) {
    if (line === '' || client.readyState !== client.OPEN) continue;
    await new Promise<void>((resolve) => client.send(line, () => resolve()));
  }
}
