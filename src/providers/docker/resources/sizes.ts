import type { Sizes } from '../../../core/connection';
import { keyOf } from '../../../core/resource';
import { object } from '../../../lib/json-shape';
import type { Engine } from '../connection/connect';
import { ask } from '../connection/http';
import { items } from '../connection/shapes';

/**
 * What the removal of each would free: of a container what it has written, of an image what it shares with no other. The engine walks
 * through all files for it: seconds, minutes on a full disk.
 * @param provider the provider's name
 */
export async function sizesOf({ docker }: Engine, provider: string, signal: AbortSignal): Promise<Sizes> {
  const { Containers, Volumes, Images } = await ask(docker, '/system/df', signal, object);
  const sizes = new Map<string, number>();
  const note = (kind: 'container' | 'volume' | 'image', id: unknown, bytes: unknown) => {
    // An engine that does not know a size leaves it out, or says -1.
    if (typeof id === 'string' && typeof bytes === 'number' && bytes >= 0) sizes.set(keyOf({ provider, kind, id }), bytes);
  };
  // Without anything written an engine leaves the size out.
  for (const { Id, SizeRw = 0 } of items(Containers)) note('container', Id, SizeRw);
  for (const { Name, UsageData } of items(Volumes)) note('volume', Name, object(UsageData)['Size']);
  for (const { Id, Size, SharedSize } of items(Images)) {
    const shared = typeof SharedSize === 'number' ? Math.max(0, SharedSize) : 0;
    note('image', Id, typeof Size === 'number' ? Size - shared : undefined);
  }
  return sizes;
}
