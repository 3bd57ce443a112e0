/** Keeps a transport to a rate, and has it wait where the server asks for that. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { createTokenBucket } from './token-bucket.ts';
import type { Transport, TransportResponse } from './transport.ts';

/** A 429 or 503 with Retry-After is tried again so often, after at most so long each time. */
const maxRetries = 10;
const maxRetryAfterMs = 60_000;

export interface PatienceOptions {
  /** Requests a second on average; ≤ 0 or absent: no limit. */
  qps?: number | undefined;
  burst?: number | undefined;
  clock?: Clock | undefined;
}

export function withPatience(transport: Transport, options: PatienceOptions): Transport {
  const { clock = systemClock } = options;
  const bucket = createTokenBucket(options.qps ?? 0, options.burst ?? 1, clock);
  return {
    async request(request) {
      for (let retry = 0; ; retry++) {
        request.signal?.throwIfAborted();
        await bucket.take(request.signal);
        const response = await transport.request(request);
        const wait = retryAfter(response);
        if (wait === undefined || retry >= maxRetries) return response;
        for await (const _ of response.body);
        await clock.sleep(wait, request.signal);
      }
    },
    close: () => transport.close(),
  };
}

/** Milliseconds to wait, when the server asked for it (RFC 9110, 10.2.3; only the form in seconds is in use). */
function retryAfter(response: TransportResponse): number | undefined {
  if (response.status !== 429 && response.status !== 503) return undefined;
  const seconds = Number(response.headers['retry-after']);
  if (!Number.isFinite(seconds) || response.headers['retry-after'] === undefined) return undefined;
  return Math.min(Math.max(seconds, 0) * 1000, maxRetryAfterMs);
}
