import type { Readable } from 'node:stream';
import type { ContainerEvent } from '../../../core/container-source';
import { nameOf } from '../resources/containers';

/** The engine's words for what is told, and Podman's. All others (`exec_start: …`, `health_status: …`, what comes in later versions) are left out. */
const KINDS: ReadonlyMap<string, ContainerEvent['kind']> = new Map([
  ['create', 'created'],
  ['start', 'started'],
  ['oom', 'oom'],
  ['die', 'died'],
  ['died', 'died'],
  ['destroy', 'removed'],
  ['remove', 'removed'],
]);

/**
 * What to ask for. An engine keeps 1,024 events for a slow listener, and drops others after 0.1 s: each that nobody wants is one that may
 * push out another (https://github.com/moby/moby/blob/v20.10.24/pkg/pubsub/publisher.go). Podman's names are others, and not all of them
 * are taken in a filter.
 */
export function eventFilters(isPodman: boolean): Readonly<Record<string, readonly string[]>> {
  return { type: ['container'], ...(isPodman ? {} : { event: [...KINDS.keys()] }) };
}

/** An event is some hundred bytes and the container's labels. What is longer is none, and must not fill the memory. */
const MAX_EVENT = 4 * 2 ** 20;

/** What of an event is needed here. https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemEvents */
interface EngineEvent {
  readonly Type?: unknown;
  readonly Action?: unknown;
  readonly Actor?: { readonly ID?: unknown; readonly Attributes?: Readonly<Record<string, string>> };
  readonly timeNano?: unknown;
}

/** The events of a stream that has one a line, in order; ends when the stream does. */
export async function* happeningsIn(stream: Readable, provider: string): AsyncGenerator<ContainerEvent> {
  for await (const line of linesOf(stream)) {
    const happening = happeningOf(line, provider);
    if (happening !== undefined) yield happening;
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

/** @returns undefined for what is no container's event, or none that is known here */
export function happeningOf(line: string, provider: string): ContainerEvent | undefined {
  const { Type, Action, Actor, timeNano } = parsed(line);
  const kind = typeof Action === 'string' ? KINDS.get(Action) : undefined;
  const id = Actor?.ID;
  if (Type !== 'container' || kind === undefined || typeof id !== 'string' || typeof timeNano !== 'number') return undefined;
  // The labels stand among what else there is to tell; that has no dots in its names, and is no more than a label that nobody asks for.
  const { image = '', name, exitCode, ...labels } = Actor?.Attributes ?? {};
  const at = timeNano / 1e6;
  const code = kind === 'died' && exitCode !== undefined ? Number(exitCode) : Number.NaN;
  return {
    kind,
    at,
    container: {
      provider,
      kind: 'container',
      id,
      name: nameOf(name, id),
      image,
      state: kind,
      running: kind === 'started' || kind === 'oom',
      labels,
      ...(kind === 'created' ? { createdAt: at } : {}),
    },
    ...(Number.isInteger(code) ? { exitCode: code } : {}),
  };
}

function parsed(line: string): EngineEvent {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
