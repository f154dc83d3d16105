import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource } from '../core/resource';
import { writeWhole } from '../lib/atomic-file';
import type { Clock } from '../lib/clock';
import { quietly } from '../lib/quietly';
import { jsonFilesIn } from '../lib/small-file';
import { MAX_JOB_MS, SESSION_FILE_NAME } from './job-sessions';

/** Whether sessions at work take it over. */
export function canBeLeft({ kind }: Pick<Resource, 'kind'>): boolean {
  return kind === 'image' || kind === 'build-cache';
}

/** An image, or a record of build cache without tags, that a session made, and left because another session was at work. */
export interface LeftImage {
  readonly id: string;
  readonly tags: readonly string[];
}

/** What other sessions have left to a session, and what it leaves itself. */
export interface Handover {
  /** Never throws. */
  read(engine: string): readonly LeftImage[];
  /** @throws the file system's errors */
  leave(engine: string, images: readonly LeftImage[]): Promise<void>;
}

/** The content of a file: what one session left on one engine. */
interface LeftFile {
  /** The engine's own id. */
  readonly engine: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly images: readonly LeftImage[];
}

/**
 * Hands images on to the sessions that are at work: the last of them removes them. Only those that
 * had begun by then take them over. A later one may have found the same image, or one that was pulled
 * anew: that can't be known.
 */
export class LeftImages {
  readonly #directory: string | undefined;
  readonly #clock: Pick<Clock, 'now'>;

  /** @param state see `stateDirectory`; without one, nothing is handed on */
  constructor(state: string | undefined, clock: Pick<Clock, 'now'>) {
    this.#directory = state === undefined ? undefined : join(state, 'images');
    this.#clock = clock;
  }

  /** @param startedAt of the session; milliseconds since the epoch */
  handoverOf(session: string, startedAt: number): Handover {
    return {
      read: (engine) => this.since(startedAt, engine),
      leave: (engine, images) => this.leave(session, engine, images),
    };
  }

  /** @throws the file system's errors */
  async leave(session: string, engine: string, images: readonly LeftImage[]): Promise<void> {
    if (this.#directory === undefined || images.length === 0 || !SESSION_FILE_NAME.test(session)) return;
    const hash = createHash('sha256').update(engine).digest('hex').slice(0, 8);
    const file: LeftFile = { engine, at: this.#clock.now(), images };
    await writeWhole(join(this.#directory, `${session}.${hash}.json`), JSON.stringify(file));
  }

  /** What was left on the engine since then. Forgets what no session can want any more. Never throws. */
  since(startedAt: number, engine: string): readonly LeftImage[] {
    return this.#files().flatMap(({ path, file }) => {
      if (this.#clock.now() - file.at > MAX_JOB_MS) quietly(() => rmSync(path, { force: true }));
      return file.engine === engine && file.at >= startedAt ? file.images : [];
    });
  }

  #files(): readonly { readonly path: string; readonly file: LeftFile }[] {
    if (this.#directory === undefined) return [];
    return jsonFilesIn(this.#directory).flatMap((path) => {
      const file = quietly(() => leftFileIn(JSON.parse(readFileSync(path, 'utf8'))));
      return file ? { path, file } : [];
    });
  }
}

function leftFileIn(value: unknown): LeftFile | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { engine, at, images }: Partial<LeftFile> = value;
  if (typeof engine !== 'string' || typeof at !== 'number' || !Array.isArray(images)) return undefined;
  return images.every(isLeftImage) ? { engine, at, images } : undefined;
}

function isLeftImage(value: unknown): value is LeftImage {
  if (typeof value !== 'object' || value === null) return false;
  const { id, tags }: Partial<LeftImage> = value;
  return typeof id === 'string' && Array.isArray(tags) && tags.every((tag) => typeof tag === 'string');
}
