import type { Config } from '../../config/config';
import type { Space } from '../../config/types';
import { type FileSystem, type ImageSpace, UnseenFileSystem } from '../../core/disk';
import type { DiskGoal } from '../../report/model';

/** The settings for goals. */
export type DiskGoals = Pick<Config, 'imageBudget' | 'minFreeDisk' | 'keepImages' | 'buildCacheBudget'>;

/** Whether images are to be removed for a goal: then their uses are remembered. */
export function hasImageGoal({ imageBudget, minFreeDisk }: Pick<DiskGoals, 'imageBudget' | 'minFreeDisk'>): boolean {
  return imageBudget !== undefined || minFreeDisk !== undefined;
}

export type ImageGoal = Exclude<DiskGoal, 'build-cache-budget'>;

/** An engine's disk at one moment. */
export interface DiskState {
  readonly space: ImageSpace;
  readonly fileSystem: FileSystem | UnseenFileSystem;
}

export function spaceFor(goal: ImageGoal, { imageBudget, minFreeDisk }: DiskGoals): Space | undefined {
  return goal === 'image-budget' ? imageBudget : minFreeDisk;
}

/** Bytes; undefined without such a goal, or if the file system can't be seen. */
export function wantedFor(goal: ImageGoal, { fileSystem }: DiskState, goals: DiskGoals): number | undefined {
  const space = spaceFor(goal, goals);
  if (space === undefined || 'bytes' in space) return space?.bytes;
  return fileSystem instanceof UnseenFileSystem ? undefined : Math.round(space.share * fileSystem.size);
}

export function measuredFor(goal: ImageGoal, { space, fileSystem }: DiskState): number | undefined {
  if (goal === 'image-budget') return space.total;
  return fileSystem instanceof UnseenFileSystem ? undefined : fileSystem.free;
}

/** Bytes that are still to come back; 0 or less when the goal is reached, or can't be known. */
export function missingFor(goal: ImageGoal, measured: DiskState, goals: DiskGoals): number {
  const [wanted, now] = [wantedFor(goal, measured, goals), measuredFor(goal, measured)];
  if (wanted === undefined || now === undefined) return 0;
  return goal === 'min-free-disk' ? wanted - now : now - wanted;
}
