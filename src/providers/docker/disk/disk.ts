import { statfs } from 'node:fs/promises';
import { type Disk, type FileSystem, UnseenFileSystem } from '../../../core/disk';
import type { Clock } from '../../../lib/clock';
import { asError } from '../../../lib/errors';
import { object, text, texts } from '../../../lib/json-shape';
import { type Engine, isOnThisMachine, isPodman } from '../connection/connect';
import { ask } from '../connection/http';
import { imageUses } from '../events/history';
import { dockerProvider } from '../provider';
import { buildCacheOf } from '../resources/build-cache';
import type { EngineFacts } from '../resources/engine-facts';
import type { DockerSettings } from '../resources/handler';
import { ImageInspections } from '../resources/image-inspections';
import { ImageMeter } from './image-space';

/** The disk of an engine. */
export function dockerDisk(engine: Engine, settings: DockerSettings, clock: Clock, facts: EngineFacts): Disk {
  const meter = new ImageMeter(engine, new ImageInspections(engine.docker));
  return {
    images: dockerProvider(engine, { ...settings, kinds: ['image'] }, clock, facts),
    measure: (images, signal) => meter.measure(images, signal),
    fileSystem: (signal) => fileSystemOf(engine, signal),
    usesSince: (since, signal) => imageUses(engine, since, signal),
    ...(isPodman(engine.version) ? {} : { buildCache: { measure: measureCache(engine), prune: pruneCache(engine) } }),
  };
}

/** The file system of the engine's data directory, if the engine runs on this machine. */
async function fileSystemOf({ docker, endpoint }: Engine, signal: AbortSignal): Promise<FileSystem> {
  const info = await ask(docker, '/info', signal, object);
  const directory = text(info['DockerRootDir']);
  if (directory === undefined || !(await isOnThisMachine(endpoint, info))) {
    throw new UnseenFileSystem(`the engine’s data (${directory ?? 'of an unknown directory'}) is not on this machine`);
  }
  try {
    const { bsize, blocks, bavail } = await statfs(directory);
    return { size: bsize * blocks, free: bsize * bavail };
  } catch (error) {
    throw new UnseenFileSystem(`the engine’s data directory can’t be looked at: ${asError(error).message}`, { cause: error });
  }
}

/** Counts as BuildKit does: without what the cache shares with images. */
function measureCache({ docker }: Engine): (signal: AbortSignal) => Promise<number> {
  return async (signal) => {
    const records = await buildCacheOf(docker, signal);
    return records.reduce((sum, { Size, Shared }) => sum + (Shared !== true && typeof Size === 'number' ? Size : 0), 0);
  };
}

/**
 * Uses the words of old and new engines: `keep-storage` up to API 1.47, `max-used-space` since.
 * https://github.com/moby/moby/blob/master/daemon/server/router/build/build_routes.go
 */
function pruneCache({ docker }: Engine) {
  return async (keepBytes: number, unusedForMs: number, signal: AbortSignal): Promise<number> => {
    const until = `${Math.ceil(unusedForMs / 1000)}s`;
    const query = {
      all: 'true',
      'keep-storage': `${Math.floor(keepBytes)}`,
      'max-used-space': `${Math.floor(keepBytes)}`,
      ...(unusedForMs > 0 ? { filters: JSON.stringify({ until: [until] }) } : {}),
    };
    const { CachesDeleted } = await ask(docker, '/build/prune', signal, object, { method: 'POST', query });
    return texts(CachesDeleted).length;
  };
}
