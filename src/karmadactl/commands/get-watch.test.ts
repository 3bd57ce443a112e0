import { expect, it } from 'vitest';
import { deployments } from '../../kubernetes/resource-types.ts';
import type { Answer, Query } from './get-query.ts';
import { watchAnswers } from './get-watch.ts';

const event = (type: string, name: string): Uint8Array =>
  Buffer.from(
    `${JSON.stringify({ type, object: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } } })}\n`,
  );

async function* body(chunks: readonly (Uint8Array | Error)[], after?: Promise<void>) {
  await after;
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield chunk;
  }
}

const answer = (name: string, stream: AsyncIterable<Uint8Array>): Answer =>
  ({
    target: {
      name,
      client: { transport: { request: async () => ({ status: 200, headers: {}, body: stream }) } },
    },
    type: deployments,
    names: [],
    tables: [],
    objects: [],
    resourceVersion: '7',
  }) as never;

async function run(answers: Answer[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = { stdout: (text: string) => void out.push(text), stderr: (text: string) => void err.push(text) };
  const print = async (items: readonly { object: { metadata: { name?: string } } }[]) =>
    items.map(({ object }) => `${object.metadata.name}\n`).join('');
  const query = { labels: '', namespace: 'default', 'watch-only': false } as Query;
  let error: unknown;
  try {
    await watchAnswers(answers, query, { print: print as never }, io, new AbortController().signal);
  } catch (thrown) {
    error = thrown;
  }
  return { out: out.join(''), err: err.join(''), error };
}

it('goes on with the other clusters when one ends its watch, and tells', async () => {
  let ended = () => {};
  const gone = new Promise<void>((resolve) => {
    ended = resolve;
  });
  async function* ends() {
    yield event('ADDED', 'a');
    setImmediate(ended);
  }
  const { out, err, error } = await run([
    answer('m1', ends()),
    answer('m2', body([event('ADDED', 'b'), event('MODIFIED', 'b')], gone)),
  ]);
  expect(out).toBe('a\nb\nb\n');
  expect(err).toBe('cluster(m1): its watch has ended; the others go on\n');
  expect(error).toBeUndefined();
});

it('goes on when one breaks off, and fails in the end', async () => {
  const later = new Promise<void>((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });
  const { out, err, error } = await run([
    answer('m1', body([new Error('gone')])),
    answer('m2', body([event('ADDED', 'b')], later)),
  ]);
  expect(out).toBe('b\n');
  expect(err).toBe('cluster(m1): gone; the others go on\n');
  expect(error).toMatchObject({ message: 'gone' });
});
