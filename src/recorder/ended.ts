import type { ContainerStatus } from '../core/container-source';
import type { Resource } from '../core/resource';
import type { Selector } from '../core/selector';
import { Limit } from '../lib/limit';
import type { End } from './container-tracker';
import { type Death, type DeathsOptions, unwantedLog } from './deaths';
import { readLog } from './logs/reading';

export interface EndedOptions extends DeathsOptions {
  /** Whose containers they are. */
  readonly owned: Selector;
  /** Whether this end is recorded already, with its log or a final reason why there is none. */
  readonly isRecorded: (end: End) => boolean;
}

/** Inspections at a time, and logs to read at a time. */
const INSPECTIONS = 16;
const READINGS = 8;

/**
 * Records containers that have ended unwatched and are still there. With `logs: all`, also keeps
 * the logs of running containers, which are about to be removed.
 * @returns the deaths that are not recorded yet
 * @throws what the provider answers to a listing
 */
export async function recordEnded(options: EndedOptions): Promise<readonly Death[]> {
  const { source, owned, logs, signal } = options;
  const limits = { inspections: new Limit(INSPECTIONS), readings: new Limit(READINGS) };
  const containers = (await source.list(signal)).filter(
    (container) => owned(container) && (logs === 'all' || !isSteady(container)),
  );
  const deaths = await Promise.all(containers.map((container) => recordOne(container, options, limits)));
  return deaths.flatMap((death) => death ?? []).toSorted((a, b) => a.at - b.at);
}

/** Whether it runs, so that there is no end to look for. */
function isSteady({ running, state }: Resource): boolean {
  return running && state !== 'restarting';
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

/** @param now when it was inspected; stands in for a time that the provider does not tell */
function endOf(
  { container, phase, startedAt, endedAt, askedAt, exitCode, oomKilled, error, reason }: ContainerStatus,
  now: number,
): End | undefined {
  const at = endedAt ?? now;
  const end = {
    ...{ container, exitCode: exitCode ?? null, oomKilled, asked: askedAt !== undefined, at },
    ...(reason === undefined ? {} : { reason }),
  };
  switch (phase) {
    case 'waiting':
    case 'running':
      return undefined;
    case 'never started':
      return { ...end, asked: false, livedMs: null, neverStarted: error ?? 'it could not be started' };
    case 'ended':
      return { ...end, livedMs: startedAt === undefined ? null : Math.max(0, at - startedAt) };
  }
}
