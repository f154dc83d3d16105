import type { Readable } from 'node:stream';
import type { ContainerEvent } from '../../../core/container-source';
import { textsIn } from '../../../lib/json-shape';
import { linesOf } from '../../../lib/lines';
import { nameOf } from '../resources/containers';

type Kinds = ReadonlyMap<string, ContainerEvent['kind']>;

/** Wanted events, by the engine's names. Unknown ones (`health_status: …`) are ignored. */
const DOCKER_KINDS: Kinds = new Map([
  ['create', 'created'],
  ['start', 'started'],
  ['kill', 'asked'],
  ['oom', 'oom'],
  ['die', 'died'],
  ['destroy', 'removed'],
]);

/**
 * Podman's. `stop`, which it seldom sends, and `restart` come before the end that they cause; on
 * Docker they come after it, and would be taken for requests to the next run. A forced removal is
 * only `died` and `remove` here: nothing tells that it was asked for.
 */
const PODMAN_KINDS: Kinds = new Map([
  ...DOCKER_KINDS,
  ['stop', 'asked'],
  ['restart', 'asked'],
  ['died', 'died'],
  ['remove', 'removed'],
]);

/**
 * The filters of a request for events. An engine buffers 1,024 events for a slow listener, and
 * drops more after 0.1 s, so unwanted ones can displace others:
 * https://github.com/moby/moby/blob/v20.10.24/pkg/pubsub/publisher.go
 * Podman refuses some of its own names in a filter.
 */
export function eventFilters(isPodman: boolean): Readonly<Record<string, readonly string[]>> {
  return { type: ['container'], ...(isPodman ? {} : { event: [...DOCKER_KINDS.keys()] }) };
}

/** HUP, USR1, USR2, CONT and WINCH: programs reload, rotate or redraw, and don't end. */
const HARMLESS_SIGNALS = new Set(['1', '10', '12', '18', '28']);

/**
 * The attributes that an engine adds to an event of this kind. All others are labels, and a label
 * with an added attribute's name replaces it: https://github.com/moby/moby/issues/20879
 */
const ADDED: Readonly<Record<string, readonly string[]>> = { died: ['exitCode'], asked: ['signal'] };

/** https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemEvents */
export interface EngineEvent {
  readonly Type?: unknown;
  readonly Action?: unknown;
  readonly Actor?: { readonly ID?: unknown; readonly Attributes?: unknown };
  readonly timeNano?: unknown;
}

/** Reads an engine's events. Remembers which containers have labels that replace attributes. */
export class EventReader {
  readonly #provider: string;
  readonly #kinds: Kinds;
  /** Ids of containers with a label of an `ADDED` name. */
  readonly #forged = new Set<string>();

  constructor(provider: string, isPodman: boolean) {
    this.#provider = provider;
    this.#kinds = isPodman ? PODMAN_KINDS : DOCKER_KINDS;
  }

  /** Reads a stream with one event a line; ends with the stream. */
  async *read(stream: Readable): AsyncGenerator<ContainerEvent> {
    for await (const line of linesOf(stream)) {
      const event = this.eventOf(line);
      if (event !== undefined) yield event;
    }
  }

  /** Takes a container's labels from an inspection or a listing. */
  note(id: string, labels: Readonly<Record<string, string>>): void {
    if (Object.values(ADDED).some((names) => names.some((name) => Object.hasOwn(labels, name)))) this.#forged.add(id);
  }

  /** @returns undefined if the line is not a wanted event of a container */
  eventOf(line: string): ContainerEvent | undefined {
    const { Type, Action, Actor, timeNano } = parsed(line);
    const kind = typeof Action === 'string' ? this.#kinds.get(Action) : undefined;
    const id = Actor?.ID;
    if (Type !== 'container' || kind === undefined || typeof id !== 'string' || typeof timeNano !== 'number') return undefined;
    const { image = '', name, ...attributes } = textsIn(Actor?.Attributes);
    const added = ADDED[kind] ?? [];
    const labels = Object.fromEntries(Object.entries(attributes).filter(([key]) => !added.includes(key)));
    this.note(id, labels);
    const { exitCode, signal } = this.#forged.has(id) ? {} : attributes;
    if (kind === 'asked' && signal !== undefined && HARMLESS_SIGNALS.has(signal)) return undefined;
    if (kind === 'removed') this.#forged.delete(id);
    const at = timeNano / 1e6;
    const code = kind === 'died' && exitCode !== undefined ? Number(exitCode) : Number.NaN;
    return {
      kind,
      at,
      container: {
        provider: this.#provider,
        kind: 'container',
        id,
        name: nameOf(name, id),
        image,
        state: kind,
        running: kind === 'started' || kind === 'oom' || kind === 'asked',
        labels,
        ...(kind === 'created' ? { createdAt: at } : {}),
      },
      ...(Number.isInteger(code) ? { exitCode: code } : {}),
    };
  }
}

/** @returns empty if the line is not an event */
export function parsed(line: string): EngineEvent {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
