import { expect, it } from 'vitest';
import { runTemplateInformers, type TemplateInformersOptions } from './template-informers.ts';

it('broken off before its first look it tells once, and leaves no rejection that nobody handles', async () => {
  const life = new AbortController();
  const manageable = (signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const { firstSync } = runTemplateInformers(
    { kinds: { manageable } } as unknown as TemplateInformersOptions,
    life.signal,
  );
  life.abort(new Error('stopped'));
  await expect(firstSync).rejects.toThrow('stopped');
  await new Promise((done) => setTimeout(done, 0));
});
