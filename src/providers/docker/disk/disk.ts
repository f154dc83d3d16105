import { statfs } from 'node:fs/promises';
import { hostname, release } from 'node:os';
import { type Disk, type FileSystem, UnseenFileSystem } from '../../../core/disk';
import type { Clock } from '../../../lib/clock';
import { asError } from '../../../lib/errors';
import { object, text } from '../../../lib/json-shape';
import { type Engine, socketOf } from '../connection/connect';
import { ask } from '../connection/http';
import { imageUses } from '../events/history';
import { dockerProvider } from '../provider';
import type { DockerSettings } from '../resources/handler';
import { ImageInspections } from '../resources/image-inspections';
import { ImageMeter } from './image-space';

/** The disk of an engine. */
export function dockerDisk(engine: Engine, settings: DockerSettings, clock: Clock): Disk {
  const meter = new ImageMeter(engine, new ImageInspections(engine.docker));
  return {
    images: dockerProvider(engine, { ...settings, kinds: ['image'] }, clock),
    measure: (images, signal) => meter.measure(images, signal),
    fileSystem: (signal) => fileSystemOf(engine, signal),
    usesSince: (since, signal) => imageUses(engine, since, signal),
  };
}

/**
 * The file system of the engine's data directory, if the engine runs on this machine: one in a
 * virtual machine or a container has another name, or another kernel.
 */
async function fileSystemOf({ docker, endpoint }: Engine, signal: AbortSignal): Promise<FileSystem> {
  const info = await ask(docker, '/info', signal, object);
  const [directory, name, kernel] = ['DockerRootDir', 'Name', 'KernelVersion'].map((field) => text(info[field]));
  const isHere = (await socketOf(endpoint)) !== undefined && name === hostname() && kernel === release();
  if (!isHere || directory === undefined) {
    throw new UnseenFileSystem(`the engine’s data (${directory ?? 'of an unknown directory'}) is not on this machine`);
  }
  try {
    const { bsize, blocks, bavail } = await statfs(directory);
    return { size: bsize * blocks, free: bsize * bavail };
  } catch (error) {
    throw new UnseenFileSystem(`the engine’s data directory can’t be looked at: ${asError(error).message}`, { cause: error });
  }
}
