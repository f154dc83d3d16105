import type { Config } from '../config/config';
import type { Connection } from '../core/connection';
import type { LivenessOfSessions } from '../core/liveness';
import type { Resource } from '../core/resource';
import { matchesFilters, protectionOf, sessionOf } from '../core/selector';
import type { Deadline } from '../lib/deadline';
import { clipped } from '../report/escape';
import { count, sizeWords } from '../report/words';
import { filtersOf, type Selection } from './selection';

/** A disk is short below `bytes` of free space; a large one below `bytesOfLarge`, if that is less than `share` of it. */
const SHORT_DISK = { bytes: 5e9, bytesOfLarge: 20e9, share: 0.05 };

/** Warns if fewer networks than this can still be created. */
const FEW_NETWORKS = 4;

/** The maximum number of ports to name, and of characters of a container's name. */
const MAX_PORTS = 5;
const MAX_NAME = 60;

/** Milliseconds to wait for each answer of an engine: a warning is not worth more. */
const TIMEOUT_MS = 1_000;

/** Remembers the last listing of each provider, so that nothing is listed again. */
export class LastListings {
  readonly #listings = new Map<string, readonly Resource[]>();

  /** Wraps a selection, and remembers the listings that it is shown. */
  watching(selection: Selection, connections: readonly Connection[]): Selection {
    return {
      ...selection,
      learn: async (listed) => {
        for (const { name } of connections) {
          if (listed.some(({ provider }) => provider === name)) this.#listings.set(name, listed);
        }
        await selection.learn?.(listed);
      },
    };
  }

  of({ name }: Connection): readonly Resource[] {
    return this.#listings.get(name) ?? [];
  }
}

export interface Preflight {
  readonly connections: readonly Connection[];
  readonly listings: LastListings;
  readonly config: Pick<Config, 'labels' | 'namePrefixes' | 'minFreeDisk'>;
  readonly sessionId: string;
  readonly liveness: LivenessOfSessions;
  readonly deadline: Deadline;
}

/**
 * Looks for what may trouble the benchmark: little disk, few networks, ports in use. Leaves out what
 * can't be known. Never throws.
 * @returns a sentence for each; contains foreign text
 */
export async function preflight(options: Preflight): Promise<readonly string[]> {
  const { connections, listings, deadline } = options;
  const troubles = await Promise.all(
    connections.map(async (connection) => {
      if (connection.status !== 'ready') return [];
      const { name, disk, networksLeft } = connection;
      const listed = listings.of(connection);
      const asked = <T>(what: string, ask: (signal: AbortSignal) => Promise<T>) =>
        deadline.within(TIMEOUT_MS, what, ask).catch(() => undefined);
      const [space, networks] = await Promise.all([
        disk && options.config.minFreeDisk === undefined
          ? asked('the free disk', (signal) => disk.fileSystem(signal))
          : undefined,
        networksLeft && asked('the address pools', (signal) => networksLeft(listed, signal)),
      ]);
      const isShort =
        space !== undefined &&
        (space.free < SHORT_DISK.bytes || (space.free < SHORT_DISK.bytesOfLarge && space.free < space.size * SHORT_DISK.share));
      return [
        ...(isShort
          ? [`${name}: only ${sizeWords(space.free)} of ${sizeWords(space.size)} are free where it keeps its data.`]
          : []),
        ...(networks !== undefined && networks < FEW_NETWORKS
          ? [`${name}: its address pools have room for ${count(networks, 'more network')}; after that, creating one fails.`]
          : []),
        ...portsOf(listed, options),
      ];
    }),
  );
  return troubles.flat();
}

/** Names ports of running containers that pre-cleanup left, and that no live session is known to have. */
function portsOf(listed: readonly Resource[], { config, sessionId, liveness }: Preflight): readonly string[] {
  const filters = filtersOf(config);
  const mayBeLeft = (container: Resource) => {
    const session = sessionOf(container);
    if (!container.running || protectionOf(container) !== undefined || session === sessionId) return false;
    return session === undefined ? matchesFilters(container, filters) : liveness.of(session).state !== 'live';
  };
  const held = listed.flatMap((container) =>
    mayBeLeft(container) ? (container.ports ?? []).map((port) => `${port} (container ${clipped(container.name, MAX_NAME)})`) : [],
  );
  if (held.length === 0) return [];
  const more = held.length > MAX_PORTS ? ` and ${held.length - MAX_PORTS} more` : '';
  return [`Ports that another job left in use, or still uses: ${held.slice(0, MAX_PORTS).join(', ')}${more}.`];
}
