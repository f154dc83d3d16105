import { type Config, retryPolicy } from '../config/config';
import type { Connection } from '../core/connection';
import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { type SweepMode, type SweepResult, sweep } from '../reaper/sweep';
import { plainLine } from '../report/escape';
import { resourceLine } from '../report/lines';
import {
  type PhaseReport,
  type ProviderReport,
  providerReport,
  type ResourceReport,
  resourceReport,
  totalsOf,
} from '../report/model';
import type { Selection } from './selection';

export interface Cleanup {
  /** Each is swept as soon as it is known: one that does not answer does not hold up the others. */
  readonly connections: readonly (Connection | Promise<Connection>)[];
  readonly selection: Selection;
  readonly mode: SweepMode;
  readonly config: Config;
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** The session's label, `key=value`: for the command where a provider can't be reached. */
  readonly label?: string;
  readonly log: (line: string) => void;
  /** False: another cleanup follows. See `SweepOptions`. */
  readonly final?: boolean;
  /** Called besides: see `SweepOptions`. */
  readonly onSettled?: (resource: ResourceReport) => void;
}

/** Sweeps all providers side by side, and tells. Never throws. */
export async function cleanUp(cleanup: Cleanup): Promise<PhaseReport> {
  const { connections, selection, mode, config, deadline, clock, log } = cleanup;
  const startedAt = clock.now();
  const swept = await Promise.all(
    connections.map(async (found) => {
      const connection = await found;
      if (connection.status !== 'ready') return { report: reportOf(connection, undefined, cleanup), result: undefined };
      const result = await sweep({
        provider: connection.provider,
        ...selection,
        mode,
        policy: { graceMs: config.gracePeriod, retry: retryPolicy(config) },
        deadline,
        concurrency: config.concurrency,
        final: cleanup.final ?? true,
        failFast: config.failFast,
        clock,
        onSettled: (settlement) => {
          const resource = resourceReport(settlement);
          log(resourceLine(resource));
          cleanup.onSettled?.(resource);
        },
      });
      if (result.unlisted) log(plainLine(`${connection.name}: ${result.unlisted.message}`));
      return { report: reportOf(connection, result, cleanup), result };
    }),
  );
  const resources = swept.flatMap(({ result }) => result?.settlements.map(resourceReport) ?? []);
  return {
    durationMs: Math.round(clock.now() - startedAt),
    deadlineMs: config.deadline,
    verified: verifiedBy(swept),
    dryRun: mode.kind === 'plan',
    providers: swept.map(({ report }) => report),
    resources,
    totals: totalsOf(resources),
  };
}

/** Null when all providers were skipped: then no listing says anything. */
function verifiedBy(
  swept: readonly { readonly report: ProviderReport; readonly result: SweepResult | undefined }[],
): boolean | null {
  const looked = swept.filter(({ report }) => report.status !== 'skipped');
  return looked.length === 0 ? null : looked.every(({ result }) => result?.verified ?? false);
}

/** A provider that could not be listed at the end was not available, whatever it said at the beginning. */
function reportOf(connection: Connection, result: SweepResult | undefined, { label, mode }: Cleanup): ProviderReport {
  const report = providerReport(connection);
  const { error, unlisted } = result ?? {};
  const reason = error
    ? `${error.message} (${report.reason})`
    : unlisted
      ? `${report.reason}; ${unlisted.message}`
      : report.reason;
  const told: ProviderReport = { ...report, ...(error ? { status: 'unavailable' } : {}), reason };
  if (told.status !== 'unavailable' || label === undefined || mode.kind !== 'remove') return told;
  return { ...told, command: connection.cleanupCommand?.(label) ?? null };
}
