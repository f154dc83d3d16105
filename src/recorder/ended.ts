import type { ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import type { Selector } from '../core/selector';
import { Limit } from '../lib/limit';
import type { End } from './container-tracker';
import { type Death, whyUnwanted } from './death';
import type { DeathsOptions } from './deaths';
import { noLog } from './logs/log-keeper';
import { readLog } from './logs/reading';

/** Its signal aborts when there is no time left: what is not read by then says so. */
export interface EndedOptions extends DeathsOptions {
  /** Whose containers they are. */
  readonly owned: Selector;
  /** Whether this end is on record already, with its log or a reason that holds. */
  readonly isRecorded: (end: End) => boolean;
}

/** Looks, and logs that are read, at a time. */
const LOOKS = 16;
const READINGS = 8;

/**
 * The containers that are there and have ended, with their logs: for those whose ends nobody watched. With `all`, the logs of those that
 * still run are kept too, as they are about to be removed.
 * @returns those that are not on record
 * @throws what the provider answers to a listing
 */
export async function recordEnded(options: EndedOptions): Promise<readonly Death[]> {
  const { recordable, owned, signal } = options;
  const limits = { looks: new Limit(LOOKS), readings: new Limit(READINGS) };
  const containers = (await recordable.list(signal)).filter(owned);
  const deaths = await Promise.all(containers.map((container) => recordOne(container, options, limits)));
  return deaths.flatMap((death) => death ?? []).toSorted((a, b) => a.at - b.at);
}

async function recordOne(
  container: Resource,
  options: EndedOptions,
  limits: { readonly looks: Limit; readonly readings: Limit },
): Promise<Death | undefined> {
  const { recordable, logs, signal, clock, isRecorded } = options;
  const life = await limits.looks.run(signal, () => recordable.inspect(container, signal)).catch(() => undefined);
  const reading = { ...options, limit: limits.readings };
  if (life?.phase === 'running' && logs === 'all') await readLog(life, reading);
  const end = life && endOf(life, clock.now());
  if (life === undefined || end === undefined || isRecorded(end)) return undefined;
  const unwanted = end.neverStarted === undefined ? whyUnwanted(end, logs) : `it never ran: ${end.neverStarted}`;
  return { ...end, log: unwanted === undefined ? await readLog(life, reading) : noLog(unwanted) };
}

/** @param now when it was looked at: no engine tells when a start has failed */
function endOf(
  { container, phase, startedAt, endedAt, exitCode, oomKilled, error }: ContainerStatus,
  now: number,
): End | undefined {
  const at = endedAt ?? now;
  const end = { container, exitCode: exitCode ?? null, oomKilled, at };
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
