import type { Readable } from 'node:stream';
import type { ContainerEvent } from '../../../core/container-source';
import { nameOf } from '../resources/containers';

type Kinds = ReadonlyMap<string, ContainerEvent['kind']>;

/** The engine's names of the events that are wanted. It has others (`exec_start: …`, `health_status: …`), and later versions more. */
const DOCKER_KINDS: Kinds = new Map([
  ['create', 'created'],
  ['start', 'started'],
  ['kill', 'asked'],
  ['oom', 'oom'],
  ['die', 'died'],
  ['destroy', 'removed'],
]);

/**
 * Podman's. Its `stop` (which it often leaves out) and `restart` come before the end that they bring about; Docker's come after it, and
 * would belong to the next run.
 */
const PODMAN_KINDS: Kinds = new Map([
  ...DOCKER_KINDS,
  ['stop', 'asked'],
  ['restart', 'asked'],
  ['died', 'died'],
  ['remove', 'removed'],
]);

/**
 * The filters of a request for events. An engine keeps 1,024 events for a slow listener, and drops others after 0.1 s: each event that
 * is not wanted may push out another (https://github.com/moby/moby/blob/v20.10.24/pkg/pubsub/publisher.go). Podman refuses some of its
 * own names in a filter.
 */
export function eventFilters(isPodman: boolean): Readonly<Record<string, readonly string[]>> {
  return { type: ['container'], ...(isPodman ? {} : { event: [...DOCKER_KINDS.keys()] }) };
}

/** An event is some hundred bytes and the container's labels. A longer line is not an event, and must not fill the memory. */
const MAX_EVENT = 4 * 2 ** 20;

/** Signals to which programs reload, rotate or redraw: HUP, USR1, USR2, CONT, WINCH. Whoever sends one does not ask for an end. */
const HARMLESS_SIGNALS = new Set(['1', '10', '12', '18', '28']);

/**
 * The attributes that an engine adds to those events which it can know them of. All other attributes are the container's labels, and a
 * label of the same name wins (https://github.com/moby/moby/issues/20879).
 */
const ADDED: Readonly<Record<string, readonly string[]>> = { died: ['exitCode'], asked: ['signal'] };

/** The fields of an event that are used. https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemEvents */
interface EngineEvent {
  readonly Type?: unknown;
  readonly Action?: unknown;
  readonly Actor?: { readonly ID?: unknown; readonly Attributes?: Readonly<Record<string, string>> };
  readonly timeNano?: unknown;
}

/** Reads events from what an engine sends. Remembers which containers have labels that hide what the engine would say. */
export class EventReader {
  readonly #provider: string;
  readonly #kinds: Kinds;
  /** Ids of containers with a label that is called as one of `ADDED`. */
  readonly #forged = new Set<string>();

  constructor(provider: string, isPodman: boolean) {
    this.#provider = provider;
    this.#kinds = isPodman ? PODMAN_KINDS : DOCKER_KINDS;
  }

  /** The events of a stream that has one a line, in order; ends when the stream does. */
  async *read(stream: Readable): AsyncGenerator<ContainerEvent> {
    for await (const line of linesOf(stream)) {
      const event = this.eventOf(line);
      if (event !== undefined) yield event;
    }
  }

  /** Takes note of a container's labels, as an inspection or a listing has them. */
  note(id: string, labels: Readonly<Record<string, string>>): void {
    if (Object.values(ADDED).some((names) => names.some((name) => Object.hasOwn(labels, name)))) this.#forged.add(id);
  }

  /** @returns undefined where the line is not an event of a container, or not one that is wanted */
  eventOf(line: string): ContainerEvent | undefined {
    const { Type, Action, Actor, timeNano } = parsed(line);
    const kind = typeof Action === 'string' ? this.#kinds.get(Action) : undefined;
    const id = Actor?.ID;
    if (Type !== 'container' || kind === undefined || typeof id !== 'string' || typeof timeNano !== 'number') return undefined;
    const { image = '', name, ...attributes } = Actor?.Attributes ?? {};
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

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let held = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = `${held}${chunk}`.split('\n');
    held = lines.pop() ?? '';
    if (held.length > MAX_EVENT) held = '';
    yield* lines;
  }
}

function parsed(line: string): EngineEvent {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
