import { describe, expect, it, vi } from 'vitest';
import type { Connection, Sizes } from '../../../../src/core/connection';
import type { Provider } from '../../../../src/core/provider';
import { type Kind, keyOf, type Resource } from '../../../../src/core/resource';
import { systemClock as clock } from '../../../../src/lib/clock';
import { withDeadline } from '../../../../src/lib/deadline';
import { diskUsageAt } from '../../../../src/phases/disk/usage';

const image: Resource = { provider: 'docker', kind: 'image', id: 'a', name: 'a', state: 'present', running: false, labels: {} };

const usageOf = (sizes: (signal: AbortSignal) => Promise<Sizes>, kinds: readonly Kind[] = ['image']) => {
  const provider = { stages: [kinds] } as unknown as Provider;
  const connection: Connection = { name: 'docker', status: 'ready', provider, description: '', found: {}, sizes };
  return withDeadline(1_000, { clock }, async (deadline) => {
    const usage = diskUsageAt(connection, deadline);
    await usage.measure();
    await usage.measure();
    return usage.of(image);
  });
};

describe('the disk usage', () => {
  it('is measured once', async () => {
    const sizes = vi.fn(async () => new Map([[keyOf(image), 7]]));
    expect(await usageOf(sizes)).toBe(7);
    expect(sizes).toHaveBeenCalledTimes(1);
  });

  it('is not measured where no images are cleaned', async () => {
    const sizes = vi.fn(async () => new Map([[keyOf(image), 7]]));
    expect(await usageOf(sizes, ['container'])).toBeUndefined();
    expect(sizes).not.toHaveBeenCalled();
  });

  it.each<[string, () => Promise<Sizes>]>([
    ['takes too long', () => new Promise(() => undefined)],
    ['fails', () => Promise.reject(new Error('a disk usage operation is already running'))],
  ])('is unknown where it %s', async (_, sizes) => {
    expect(await usageOf(sizes)).toBeUndefined();
  });
});
