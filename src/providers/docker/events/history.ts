import type Docker from 'dockerode';
import type { Resource } from '../../../core/resource';
import { object, text, textsIn } from '../../../lib/json-shape';
import { ask, BrokenAnswer, openStream } from '../connection/http';
import { EventReader, linesOf, parsed } from './events';

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
  const stream = await openStream(docker, { method: 'GET', path: '/events', query: await remembered(docker, signal) }, signal);
  const reader = new EventReader(provider, false);
  const containers = new Map<string, Resource>();
  const users = new Map<string, Set<string>>();
  for await (const line of linesOf(stream)) {
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

/** Until now, by the engine's clock: then the answer ends at once. */
async function remembered(docker: Docker, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  const now = Date.parse(text((await ask(docker, '/info', signal, object))['SystemTime']) ?? '');
  if (Number.isNaN(now)) throw new BrokenAnswer('the engine does not tell its time');
  const filters = { type: ['container', 'volume'], event: ['create', 'mount'] };
  return { since: SINCE, until: (now / 1000).toFixed(3), filters: JSON.stringify(filters) };
}
