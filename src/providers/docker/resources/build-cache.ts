import type Docker from 'dockerode';
import { InUse, type RungAnswer } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { items, type Json, object, text, texts } from '../../../lib/json-shape';
import { type Engine, isPodman } from '../connection/connect';
import { dockerCommand } from '../connection/endpoint';
import { ask } from '../connection/http';
import { createdAt, UNIDENTIFIED } from '../connection/shapes';
import { NotThere } from '../errors';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';

/** Milliseconds for which a listing holds: records do not change, and BuildKit removes none in use. */
const RECENT_MS = 10_000;

/**
 * Records of BuildKit's cache. The classic builder has none: its steps are images. Podman has none
 * either, and nothing tells whose a build's container is there, or whether the build goes on.
 */
export class BuildCache implements KindHandler {
  readonly kind = 'build-cache';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #clock: Clock;
  readonly #isPodman: boolean;
  #recent: { readonly at: number; readonly records: Promise<readonly Resource[]> } | undefined;
  readonly #gone = new Set<string>();

  constructor(engine: Engine, settings: DockerSettings, clock: Clock) {
    this.#engine = engine;
    this.#settings = settings;
    this.#clock = clock;
    this.#isPodman = isPodman(engine.version);
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    if (this.#isPodman) return [];
    const records = this.#listed(abortSignal);
    this.#recent = { at: this.#clock.now(), records };
    records.catch(() => {
      this.#recent = undefined;
    });
    return records;
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    const recent = this.#recent;
    const isRecent = recent !== undefined && this.#clock.now() - recent.at < RECENT_MS;
    const records = isRecent ? await recent.records : await this.list(abortSignal);
    const record = records.find((one) => one.id === id);
    if (record === undefined || this.#gone.has(id)) throw new NotThere(`there is no record ${id} of build cache`);
    return record;
  }

  ladder({ id }: Resource): ReturnType<KindHandler['ladder']> {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(id, signal));
  }

  removalCommand({ id }: Resource): string {
    return dockerCommand(this.#engine.endpoint, 'builder', 'prune', '--all', '--force', '--filter', `id=${id}`);
  }

  async #listed(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const records = await buildCacheOf(this.#engine.docker, abortSignal);
    const children = new Map<string, string[]>();
    for (const record of records) {
      for (const parent of parentsOf(record)) children.set(parent, [...(children.get(parent) ?? []), text(record['ID']) ?? '']);
    }
    return records.map(({ ID, Description, Type, InUse: isInUse, CreatedAt }) => {
      const id = text(ID) ?? UNIDENTIFIED;
      return {
        provider: this.#settings.name,
        kind: this.kind,
        id,
        name: text(Description) ?? id,
        state: text(Type) ?? 'present',
        running: false,
        labels: {},
        dependents: children.get(id) ?? [],
        ...createdAt(CreatedAt),
        ...(isInUse === true ? { protection: 'a build uses it' } : {}),
      };
    });
  }

  /** Without force: BuildKit removes no record that a build uses, or that another one was made from. */
  async #remove(id: string, abortSignal: AbortSignal): Promise<RungAnswer> {
    // The filter is a regular expression that may match anywhere.
    if (!/^\w+$/.test(id)) throw new InUse(`BuildKit’s id ${id} is not one that can be asked for`);
    const query = { all: 'true', filters: JSON.stringify({ id: [`"^${id}$"`] }) };
    const { CachesDeleted } = await ask(this.#engine.docker, '/build/prune', abortSignal, object, { method: 'POST', query });
    if (!texts(CachesDeleted).includes(id)) {
      const isThere = (await this.list(abortSignal)).some((record) => record.id === id);
      if (isThere) throw new InUse('a build uses it, or other cache was made from it');
    }
    this.#gone.add(id);
    return 'gone';
  }
}

/** The records of BuildKit's cache. Old engines ignore the type, and walk through all files. */
export async function buildCacheOf(docker: Docker, signal: AbortSignal): Promise<readonly Json[]> {
  const answer = await ask(docker, '/system/df', signal, object, { query: { type: 'build-cache' } });
  return items(answer['BuildCache'] ?? object(answer['BuildCacheUsage'])['Items']);
}

/**
 * One parent up to API 1.41, then several; with a blank before the name in Docker 29:
 * https://github.com/moby/moby/blob/v2.0.0-beta.24/api/types/build/cache.go
 */
function parentsOf(record: Json): readonly string[] {
  return [...texts(record['Parents']), ...texts(record[' Parents']), text(record['Parent']) ?? ''].filter((id) => id !== '');
}
