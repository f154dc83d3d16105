import type Docker from 'dockerode';
import type { ImageUse } from '../../../core/disk';
import type { Resource } from '../../../core/resource';
import { object, text, textsIn } from '../../../lib/json-shape';
import { linesOf } from '../../../lib/lines';
import { type Engine, isPodman } from '../connection/connect';
import { ask, BrokenAnswer, openStream } from '../connection/http';
import { EventReader, parsed } from './events';

/** Containers by the anonymous volumes that they had, gone ones included. */
export type VolumeUsers = ReadonlyMap<string, readonly Resource[]>;

/** An engine remembers its last 256 events: all that can be asked for are those since its start. */
const SINCE = '1';

/**
 * Reads in the engine's last events which containers had which volumes. Leaves out volumes whose
 * creation, or one of whose users, is not remembered: someone else may have had them.
 * https://github.com/moby/moby/blob/v20.10.24/daemon/events/events.go
 * @param provider the provider's name
 */
export async function volumeUsers(docker: Docker, provider: string, signal: AbortSignal): Promise<VolumeUsers> {
  const filters = { type: ['container', 'volume'], event: ['create', 'mount'] };
  const reader = new EventReader(provider, false);
  const containers = new Map<string, Resource>();
  const users = new Map<string, Set<string>>();
  for await (const line of pastEvents(docker, SINCE, filters, signal)) {
    const { Type, Action, Actor } = parsed(line);
    const id = text(Actor?.ID);
    if (Type === 'volume' && id !== undefined) {
      if (Action === 'create') users.set(id, new Set());
      else users.get(id)?.add(textsIn(Actor?.Attributes)['container'] ?? '');
    }
    const event = reader.eventOf(line);
    if (event) containers.set(event.container.id, event.container);
  }
  const known = [...users].map(([volume, ids]) => [volume, [...ids].flatMap((id) => containers.get(id) ?? [])] as const);
  return new Map(known.filter(([volume, found]) => found.length > 0 && found.length === users.get(volume)?.size));
}

/**
 * The images of containers that were created, and those that were pulled, as far as the engine
 * remembers.
 * @param since milliseconds since the epoch
 */
export async function imageUses(
  { docker, version }: Pick<Engine, 'docker' | 'version'>,
  since: number,
  signal: AbortSignal,
): Promise<readonly ImageUse[]> {
  const uses: ImageUse[] = [];
  const from = Math.max(Number(SINCE), since / 1000).toFixed(3);
  const filters = { type: ['container', 'image'] }; // Podman refuses some of its own events' names.
  const past = isPodman(version) ? podmanEvents(docker, from, filters, signal) : pastEvents(docker, from, filters, signal);
  for await (const line of past) {
    const { Type, Action, Actor, timeNano } = parsed(line);
    const isUse = (Type === 'container' && Action === 'create') || (Type === 'image' && Action === 'pull');
    const image = Type === 'image' ? text(Actor?.ID) : textsIn(Actor?.Attributes)['image'];
    if (isUse && image !== undefined && typeof timeNano === 'number') uses.push({ image, at: timeNano / 1e6 });
  }
  return uses;
}

type EventFilters = Readonly<Record<string, readonly string[]>>;

/** The engine's last events, until now by its clock: then the answer ends at once. */
async function* pastEvents(docker: Docker, since: string, filters: EventFilters, signal: AbortSignal): AsyncGenerator<string> {
  const now = Date.parse(text((await ask(docker, '/info', signal, object))['SystemTime']) ?? '');
  if (Number.isNaN(now)) throw new BrokenAnswer('the engine does not tell its time');
  const query = { since, until: (now / 1000).toFixed(3), filters: JSON.stringify(filters) };
  yield* linesOf(await openStream(docker, { method: 'GET', path: '/events', query }, signal));
}

/** Podman 4.3 answers nothing where there is an `until` besides `since`, but knows `stream`. */
async function* podmanEvents(docker: Docker, since: string, filters: EventFilters, signal: AbortSignal): AsyncGenerator<string> {
  const query = { since, stream: 'false', filters: JSON.stringify(filters) };
  yield* linesOf(await openStream(docker, { method: 'GET', path: '/events', query }, signal));
}
