import { describe, expect, it } from 'vitest';
import { FrameBuffer, watchBufferLimit } from './frame-buffer.ts';

const text = (frames: readonly Buffer[] | undefined): string => String(Buffer.concat(frames ?? []));

describe('the buffer of a watch', () => {
  it('hands frames out in order, joined up to the size asked for', async () => {
    const buffer = new FrameBuffer<Buffer>();
    for (const text of ['aa', 'bb', 'cc']) buffer.push(Buffer.from(text));
    expect(text(await buffer.take(3))).toBe('aabb');
    expect(text(await buffer.take(3))).toBe('cc');
  });

  it('waits for the next frame', async () => {
    const buffer = new FrameBuffer<Buffer>();
    const next = buffer.take(10);
    buffer.push(Buffer.from('x'));
    expect(text(await next)).toBe('x');
  });

  it('ends for its reader when it is closed', async () => {
    const buffer = new FrameBuffer<Buffer>();
    const next = buffer.take(10);
    buffer.close();
    expect(await next).toBeUndefined();
    expect(await buffer.take(10)).toBeUndefined();
  });

  it('cuts off a reader that falls too far behind', async () => {
    const buffer = new FrameBuffer<Buffer>();
    const frame = Buffer.alloc(1024 * 1024);
    for (let size = 0; size <= watchBufferLimit.bytes; size += frame.length) buffer.push(frame);
    expect(buffer.closed).toBe(true);
    expect(await buffer.take(10)).toBeUndefined();
  });
});
