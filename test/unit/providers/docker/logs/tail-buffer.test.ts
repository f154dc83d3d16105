import { describe, expect, it } from 'vitest';
import type { LogChunk } from '../../../../../src/core/container-source';
import { ByteBudget } from '../../../../../src/lib/byte-budget';
import { TailBuffer } from '../../../../../src/providers/docker/logs/tail-buffer';

const out = (text: string, at = 'T'): LogChunk => ({ stream: 'stdout', at, bytes: Buffer.from(text) });
const err = (text: string, at = 'T'): LogChunk => ({ stream: 'stderr', at, bytes: Buffer.from(text) });

function kept(most: number, ...batches: readonly LogChunk[][]): TailBuffer {
  const last = new TailBuffer(most);
  for (const batch of batches) last.add(batch);
  return last;
}

function told(pieces: readonly LogChunk[]): readonly string[] {
  return pieces.map(({ stream, bytes }) => `${stream} ${Buffer.from(bytes).toString()}`);
}

describe('the last pieces', () => {
  it('are all of them while they are few', () => {
    const last = kept(100, [out('a'), err('b')], [out('c')]);

    expect(last.isCut).toBe(false);
    expect(told(last.pieces)).toEqual(['stdout a', 'stderr b', 'stdout c']);
    expect(last.bytes.toString()).toBe('abc');
  });

  it('are no more bytes than asked for, whatever the pieces are', () => {
    const last = kept(10, [out('0123456789')], [err('abc'), out('x'.repeat(3))]);

    expect(last.isCut).toBe(true);
    expect(told(last.pieces)).toEqual(['stdout 6789', 'stderr abc', 'stdout xxx']);
  });

  it('are the end of a large piece', () => {
    const last = kept(10, [out(`${'x'.repeat(1_000_000)}the end`)]);

    expect(last.bytes.toString()).toBe('xxxthe end');
  });

  it('are more while there is space', () => {
    const space = new ByteBudget(15);
    const one = new TailBuffer({ least: 10, most: 20, space });
    const other = new TailBuffer({ least: 10, most: 20, space });
    one.add([out('x'.repeat(30))]);
    other.add([out('x'.repeat(30))]);

    expect([one.bytes.length, other.bytes.length]).toEqual([20, 15]);
    one.clear();
    other.add([out('y'.repeat(30))]);
    expect([one.bytes.length, other.bytes.length]).toEqual([0, 20]);
  });

  it('are one where they come together', () => {
    const last = kept(100, [
      out('a', '2026-11-21T09:50:38.31Z'),
      out('b', '2026-11-21T09:50:38.39Z'),
      out('c', '2026-11-21T09:50:38.40Z'),
    ]);

    expect(told(last.pieces)).toEqual(['stdout ab', 'stdout c']);
  });
});
