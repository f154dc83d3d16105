import type { ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import type { Selector } from '../core/selector';
import { Limit } from '../lib/limit';
import type { End } from './container-tracker';
import { type Death, unwantedLog } from './death';
import type { DeathsOptions } from './deaths';
import { readLog } from './logs/reading';

/** Its signal aborts when there is no time left: a log that is not read by then says so. */
export interface EndedOptions extends DeathsOptions {
  /** Whose containers they are. */
  readonly owned: Selector;
  /** Whether this end is on record already, with its log or a reason that holds. */
  readonly isRecorded: (end: End) => boolean;
}

/** Inspections, and logs that are read, at a time. */
const INSPECTIONS = 16;
const READINGS = 8;

/**
 * The containers that are there and have ended, with their logs: for those whose ends were not watched. With `all`, the logs of those that
 * still run are kept too, as they are about to be removed.
 * @returns those that are not on record
 * @throws what the provider answers to a listing
 */
export async function recordEnded(options: EndedOptions): Promise<readonly Death[]> {
  const { source, owned, signal } = options;
  const limits = { inspections: new Limit(INSPECTIONS), readings: new Limit(READINGS) };
  const containers = (await source.list(signal)).filter(owned);
  const deaths = await Promise.all(containers.map((container) => recordOne(container, options, limits)));
  return deaths.flatMap((death) => death ?? []).toSorted((a, b) => a.at - b.at);
}

async function recordOne(
  container: Resource,
  options: EndedOptions,
  limits: { readonly inspections: Limit; readonly readings: Limit },
): Promise<Death | undefined> {
  const { source, logs, signal, clock, isRecorded } = options;
  const status = await limits.inspections.run(signal, () => source.inspect(container, signal)).catch(() => undefined);
  const reading = { ...options, limit: limits.readings };
  if (status?.phase === 'running' && logs === 'all') await readLog(status, reading);
  const end = status && endOf(status, clock.now());
  if (status === undefined || end === undefined || isRecorded(end)) return undefined;
  return { ...end, log: unwantedLog(end, logs) ?? (await readLog(status, reading)) };
}

/** @param now when it was inspected: no engine tells when a start has failed */
function endOf(
  { container, phase, startedAt, endedAt, exitCode, oomKilled, error }: ContainerStatus,
  now: number,
): End | undefined {
  const at = endedAt ?? now;
  const end = { container, exitCode: exitCode ?? null, oomKilled, asked: false, at };
  switch (phase) {
    case 'waiting':
    case 'running':
      return undefined;
    case 'never started':
      return { ...end, at: now, livedMs: null, neverStarted: error ?? 'it could not be started' };
    case 'ended':
      return { ...end, livedMs: startedAt === undefined ? null : Math.max(0, at - startedAt) };
  }
}
