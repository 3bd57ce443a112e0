import { describe, expect, it } from 'vitest';
import { InFlight } from './in-flight.ts';

describe('requests in flight', () => {
  it('are bounded; the next wait, and those past the line are refused with 429', async () => {
    const line = new InFlight({ running: 1, waiting: 1 });
    let finish = (): void => undefined;
    const order: string[] = [];
    const first = line.run(() =>
      new Promise<void>((resolve) => (finish = resolve)).then(() => void order.push('first')),
    );
    const second = line.run(async () => void order.push('second'));
    await expect(line.run(async () => undefined)).rejects.toMatchObject({ code: 429, reason: 'TooManyRequests' });
    finish();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect(line.running).toBe(0);
  });

  it('give their place back when they fail', async () => {
    const line = new InFlight({ running: 1, waiting: 0 });
    await expect(line.run(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(await line.run(async () => 1)).toBe(1);
  });
});
