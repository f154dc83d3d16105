import type { Connection } from '../../core/connection';
import type { Disk } from '../../core/disk';
import { ImageNames } from '../../core/image-names';
import type { Resource } from '../../core/resource';
import type { Deadline } from '../../lib/deadline';
import type { ImageHistory, ImageUses } from '../../session/image-uses';
import { engineIdOf } from '../cleanup';

/** What is known of the uses of an engine's images. */
export interface UseContext {
  readonly disk: Disk;
  readonly images: readonly Resource[];
  readonly history: ImageHistory;
  /** Names of images that are used now. */
  readonly names: readonly string[];
  readonly deadline: Deadline;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Milliseconds to read the engine's last events. */
const EVENTS_TIMEOUT_MS = 5_000;

/** Milliseconds before the last look from which events are read again: clocks differ. */
const OVERLAP_MS = 60_000;

/** Collects when images were last used, by their ids: all that the engine shows and remembers. Never throws. */
export async function usesOf({ disk, images, history, names, deadline, now }: UseContext): Promise<ReadonlyMap<string, number>> {
  const uses = new Map<string, number>(history.uses);
  const byName = new ImageNames(images);
  const note = (id: string | undefined, at: number) => {
    if (id !== undefined) uses.set(id, Math.max(uses.get(id) ?? 0, Math.min(at, now)));
  };
  const since = Math.max(0, (history.at ?? 0) - OVERLAP_MS);
  const events = await deadline
    .within(EVENTS_TIMEOUT_MS, 'the engine’s events', (signal) => disk.usesSince(since, signal))
    .catch(() => []);
  for (const { image, at } of events) note(byName.idOf(image), at);
  for (const name of names) note(byName.idOf(name), now);
  for (const image of images) if (isInUse(image)) note(image.id, now);
  return uses;
}

/** Whether a container was made from it, running or not. */
export function isInUse({ usedBy = [] }: Resource): boolean {
  return usedBy.some(({ kind }) => kind === 'container');
}

/** Milliseconds to list images. */
const LIST_TIMEOUT_MS = 10_000;

/** Notes at the end of a session which images it used, for later jobs. @throws the engine's errors */
export async function noteUses(
  connection: Connection,
  names: readonly string[],
  { uses, deadline, now }: { readonly uses: ImageUses; readonly deadline: Deadline; readonly now: number },
): Promise<void> {
  if (connection.status !== 'ready' || connection.disk === undefined) return;
  const { disk } = connection;
  const engine = await engineIdOf(connection.provider, deadline);
  if (engine === undefined) return;
  const images = await deadline.within(LIST_TIMEOUT_MS, 'the listing', (signal) => disk.images.list('image', signal));
  const found = await usesOf({ disk, images, history: uses.read(engine), names, deadline, now });
  await uses.note(
    engine,
    found,
    images.map(({ id }) => id),
  );
}
