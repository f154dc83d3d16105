import type { Connection, Sizes } from '../../core/connection';
import { type Kind, keyOf, type Resource } from '../../core/resource';
import type { Deadline } from '../../lib/deadline';

/** The limits of a measurement: milliseconds, and a share of the time that is left. */
const LIMITS = { ms: 5_000, share: 0.05 };

/** The kinds that people clean to have their disk back. */
const FILLS_DISKS: ReadonlySet<Kind> = new Set(['image', 'builder', 'build-cache']);

/** The disk space of resources that are about to go. */
export interface DiskUsage {
  /** Measures at the first call, as far as there is time. Never throws. */
  measure(): Promise<void>;
  /** Bytes; undefined if they are not known. */
  of(resource: Resource): number | undefined;
}

/**
 * Measures only where images, builders or build cache are cleaned: people who clean these want to
 * know, and an engine walks through all files for it.
 */
export function diskUsageAt(connection: Connection, deadline: Deadline): DiskUsage {
  let measured: Promise<Sizes> | undefined;
  let sizes: Sizes = new Map();
  const ask = async (): Promise<Sizes> => {
    if (connection.status !== 'ready' || !connection.sizes) return sizes;
    if (!connection.provider.stages.flat().some((kind) => FILLS_DISKS.has(kind))) return sizes;
    const ms = Math.min(LIMITS.ms, deadline.remaining() * LIMITS.share);
    return deadline.within(ms, 'measuring sizes', connection.sizes).catch(() => sizes);
  };
  return {
    async measure() {
      measured ??= ask();
      sizes = await measured;
    },
    of: (resource) => sizes.get(keyOf(resource)),
  };
}
