import type { Sizes } from '../../../core/connection';
import { type Kind, keyOf } from '../../../core/resource';
import { items, object } from '../../../lib/json-shape';
import type { Engine } from '../connection/connect';
import { ask } from '../connection/http';

/**
 * The bytes that each removal frees: those that a container wrote, or that only one image has.
 * Slow: the engine walks through all files.
 * @param provider the provider's name
 */
export async function sizesOf({ docker }: Engine, provider: string, signal: AbortSignal): Promise<Sizes> {
  const { Containers, Volumes, Images, BuildCache } = await ask(docker, '/system/df', signal, object);
  const sizes = new Map<string, number>();
  const note = (kind: Kind, id: unknown, bytes: unknown) => {
    // An unknown size is absent or -1.
    if (typeof id === 'string' && typeof bytes === 'number' && bytes >= 0) sizes.set(keyOf({ provider, kind, id }), bytes);
  };
  // Absent if nothing was written.
  for (const { Id, SizeRw = 0 } of items(Containers)) note('container', Id, SizeRw);
  for (const { Name, UsageData } of items(Volumes)) note('volume', Name, object(UsageData)['Size']);
  for (const { Id, Size, SharedSize } of items(Images)) {
    const shared = typeof SharedSize === 'number' ? Math.max(0, SharedSize) : 0;
    note('image', Id, typeof Size === 'number' ? Size - shared : undefined);
  }
  // What an image has, too, stays with it.
  for (const { ID, Size, Shared } of items(BuildCache)) note('build-cache', ID, Shared === true ? 0 : Size);
  return sizes;
}
