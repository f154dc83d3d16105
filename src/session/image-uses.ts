import { createHash, randomUUID } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../lib/atomic-file';
import type { Clock } from '../lib/clock';
import { isRecord, parsedJson } from '../lib/json-shape';
import { quietly } from '../lib/quietly';
import { jsonFilesIn, readSmallFile } from '../lib/small-file';

/** When the images of one engine were last used, as far as jobs have seen. */
export interface ImageHistory {
  /** The last look, in milliseconds since the epoch; undefined before the first. */
  readonly at: number | undefined;
  /** Milliseconds since the epoch, by the image's id; 0 for one that was there at the first look. */
  readonly uses: ReadonlyMap<string, number>;
}

/** The content of a file. */
interface HistoryFile {
  /** The engine's own id. */
  readonly engine: string;
  readonly at: number;
  readonly uses: Readonly<Record<string, number>>;
}

/** More or larger files are not ours. An entry has about 90 bytes. */
const MAX_FILES = 1_000;
const MAX_BYTES = 4 * 2 ** 20;
const MAX_IMAGES = 20_000;

/** Milliseconds after which the file of an engine that no job asks for is forgotten. */
const MAX_UNCHANGED_MS = 90 * 24 * 60 * 60 * 1000;

/**
 * Remembers across jobs when images were last used. Each look writes a file of its own, with all
 * that it knows, and then removes the files that it has read: so two jobs at once lose nothing of
 * each other, and a killed one leaves a file more.
 */
export class ImageUses {
  readonly #directory: string | undefined;
  readonly #clock: Pick<Clock, 'now'>;

  /** @param state see `stateDirectory`; without one, nothing is remembered */
  constructor(state: string | undefined, clock: Pick<Clock, 'now'>) {
    this.#directory = state === undefined ? undefined : join(state, 'image-uses');
    this.#clock = clock;
  }

  /** Never throws. */
  read(engine: string): ImageHistory {
    return this.#merged(this.#filesOf(engine));
  }

  /**
   * Adds uses.
   * @param images ids of all images that there are: others are forgotten
   * @throws the file system's errors
   */
  async note(engine: string, uses: ReadonlyMap<string, number>, images: readonly string[]): Promise<void> {
    if (this.#directory === undefined) return;
    const files = this.#filesOf(engine);
    const { uses: before } = this.#merged(files);
    const entries = images.map((id) => [id, Math.max(before.get(id) ?? 0, uses.get(id) ?? 0)] as const);
    const newest = entries.toSorted(([, a], [, b]) => b - a).slice(0, MAX_IMAGES);
    const file: HistoryFile = { engine, at: this.#clock.now(), uses: Object.fromEntries(newest) };
    await writeWhole(join(this.#directory, `${prefixOf(engine)}${randomUUID()}.json`), JSON.stringify(file));
    for (const { path } of files) quietly(() => rmSync(path, { force: true }));
    this.#forgetOthers();
  }

  #merged(files: readonly { readonly file: HistoryFile }[]): ImageHistory {
    const now = this.#clock.now();
    const uses = new Map<string, number>();
    for (const { file } of files) {
      // A clock that was wrong must not keep an image for ever.
      for (const [id, at] of Object.entries(file.uses)) uses.set(id, Math.max(uses.get(id) ?? 0, Math.min(at, now)));
    }
    return { at: files.length === 0 ? undefined : Math.min(now, Math.max(...files.map(({ file }) => file.at))), uses };
  }

  #filesOf(engine: string): readonly { readonly path: string; readonly file: HistoryFile }[] {
    return this.#paths(prefixOf(engine)).flatMap((path) => {
      const file = quietly(() => historyIn(parsedJson(readSmallFile(path, MAX_BYTES) ?? '')));
      return file?.engine === engine ? { path, file } : [];
    });
  }

  #paths(prefix = ''): readonly string[] {
    return this.#directory === undefined ? [] : jsonFilesIn(this.#directory, prefix).slice(0, MAX_FILES);
  }

  #forgetOthers(): void {
    for (const path of this.#paths()) {
      quietly(() => {
        if (this.#clock.now() - statSync(path).mtimeMs > MAX_UNCHANGED_MS) rmSync(path, { force: true });
      });
    }
  }
}

function prefixOf(engine: string): string {
  return `${createHash('sha256').update(engine).digest('hex').slice(0, 16)}.`;
}

function historyIn(value: unknown): HistoryFile | undefined {
  if (!isRecord(value)) return undefined;
  const { engine, at, uses } = value;
  if (typeof engine !== 'string' || !isTime(at) || !isRecord(uses)) return undefined;
  const known = Object.entries(uses).filter((entry): entry is [string, number] => isTime(entry[1]));
  return { engine, at, uses: Object.fromEntries(known.slice(0, MAX_IMAGES)) };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}
