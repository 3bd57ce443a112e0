/** Sends events to a server of the operator's, as `audit.k8s.io/v1` EventLists. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { Connection } from '../../client/connection.ts';
import { createTransport } from '../../client/http-transport.ts';
import type { AuditOutput } from './delivery.ts';

export interface AuditWebhookOptions {
  connection: Connection;
  /** Before the first repetition; each later one waits half as long again. */
  initialBackoffMs: number;
}

const attempts = 5;
const backoffFactor = 1.5;
const backoffJitter = 0.2;
/** What a server has for its answer. */
const requestTimeout = 30_000;
/** Of an answer that nobody looks at. */
const maxAnswerBytes = 1 << 20;

/** Everything that is not an answer of 2xx is tried again: a lost event is worse than one that is sent twice. */
export function openWebhook({ connection, initialBackoffMs }: AuditWebhookOptions, clock: Clock): AuditOutput {
  const transport = createTransport(connection, { userAgent: 'karmada-apiserver', clock });
  const stopping = new AbortController();
  // The transport puts the path of the server's address before it.
  const root = new URL(connection.server).pathname === '/' ? '/' : '';
  const path = `${root}?timeout=${requestTimeout / 1000}s`;

  async function post(body: string): Promise<void> {
    const late = new AbortController();
    const timer = clock.setTimeout(
      () => late.abort(new Error(`no answer within ${requestTimeout / 1000} s`)),
      requestTimeout,
    );
    try {
      const headers = { 'content-type': 'application/json' };
      const response = await transport.request({ method: 'POST', path, headers, body, signal: late.signal });
      let bytes = 0;
      for await (const chunk of response.body) {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) break;
      }
      if (response.status < 200 || response.status > 299) throw new Error(`the webhook answered ${response.status}`);
    } finally {
      timer.cancel();
    }
  }

  return {
    async write(events) {
      const body = `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${events.join()}]}`;
      let pause = initialBackoffMs;
      for (let attempt = 1; ; attempt++) {
        const last = attempt === attempts || stopping.signal.aborted;
        try {
          return await post(body);
        } catch (error) {
          if (last) throw error;
        }
        await clock.sleep(pause * (1 + Math.random() * backoffJitter), stopping.signal).catch(() => undefined);
        pause *= backoffFactor;
      }
    },
    hurry: () => stopping.abort(),
    close: () => transport.close(),
  };
}
