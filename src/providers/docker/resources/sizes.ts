import type { Sizes } from '../../../core/connection';
import { keyOf } from '../../../core/resource';
import type { Engine } from '../connection/connect';
import { ask } from '../connection/request';

/** The parts that are used. An engine that does not know a size leaves it out, or says -1. https://docs.docker.com/reference/api/engine/ */
interface DiskUsage {
  readonly Containers?: readonly { readonly Id: string; readonly SizeRw?: number }[] | null;
  readonly Volumes?: readonly { readonly Name: string; readonly UsageData?: { readonly Size?: number } | null }[] | null;
  readonly Images?: readonly { readonly Id: string; readonly Size?: number; readonly SharedSize?: number }[] | null;
}

/**
 * What the removal of each would free: of a container what it has written, of an image what it shares with no other. The engine walks
 * through all files for it: seconds, minutes on a full disk.
 * @param provider the provider's name
 */
export async function sizesOf({ docker }: Engine, provider: string, signal: AbortSignal): Promise<Sizes> {
  const { Containers, Volumes, Images } = await ask<DiskUsage>(docker, '/system/df', signal);
  const sizes = new Map<string, number>();
  const note = (kind: 'container' | 'volume' | 'image', id: string, bytes: number | undefined) => {
    if (bytes !== undefined && bytes >= 0) sizes.set(keyOf({ provider, kind, id }), bytes);
  };
  // Without anything written an engine leaves the size out.
  for (const { Id, SizeRw = 0 } of Containers ?? []) note('container', Id, SizeRw);
  for (const { Name, UsageData } of Volumes ?? []) note('volume', Name, UsageData?.Size);
  for (const { Id, Size = -1, SharedSize = -1 } of Images ?? []) note('image', Id, Size - Math.max(0, SharedSize));
  return sizes;
}
