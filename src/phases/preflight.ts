import type { Config } from '../config/config';
import type { Connection } from '../core/connection';
import type { LivenessOfSessions } from '../core/liveness';
import type { Resource } from '../core/resource';
import { matchesFilters, protectionOf, sessionOf } from '../core/selector';
import type { Deadline } from '../lib/deadline';
import { clipped } from '../report/escape';
import { count, sizeWords } from '../report/words';
import { filtersOf, type Selection } from './selection';

/** Bytes of free disk below which it is told; up to the second number only where it is a small part of all. */
const LITTLE_DISK = { bytes: 5e9, bytesOfLarge: 20e9, part: 0.05 };

/** Networks, below which it is told. */
const FEW_NETWORKS = 4;

/** Ports to name at most, and characters of a name. */
const MAX_PORTS = 5;
const MAX_NAME = 60;

/** Milliseconds for one engine's answers: they are not worth a longer wait. */
const TIMEOUT_MS = 1_000;

/** The last listing of each provider. */
export class LastListings {
  readonly #listings = new Map<string, readonly Resource[]>();

  /** A selection that keeps them. */
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
 * Looks for what may trouble the benchmark: little disk, few networks, ports in use. What can't be
 * known is no trouble. Never throws.
 * @returns a sentence each, with foreign text
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
      const isLittle =
        space !== undefined &&
        (space.free < LITTLE_DISK.bytes || (space.free < LITTLE_DISK.bytesOfLarge && space.free < space.size * LITTLE_DISK.part));
      return [
        ...(isLittle
          ? [`${name}: only ${sizeWords(space.free)} of ${sizeWords(space.size)} are free where it keeps its data.`]
          : []),
        ...(networks !== undefined && networks < FEW_NETWORKS
          ? [`${name}: its address pools have room for ${count(networks, 'more network')}; creating one fails without.`]
          : []),
        ...portsOf(listed, options),
      ];
    }),
  );
  return troubles.flat();
}

/** Ports of running containers that pre-cleanup left, though they may be leftovers. */
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
