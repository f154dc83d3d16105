import type { Config } from '../config/config';
import type { Connection, Endpoints } from '../core/connection';
import type { LivenessOfSessions } from '../core/liveness';
import type { RunProgram } from '../core/run-program';
import type { Clock } from '../lib/clock';
import { type Deadline, withDeadline } from '../lib/deadline';
import type { Environment } from '../lib/environment';
import { processWith } from '../lib/process-identity';
import { notesIn } from '../proxy/notes';
import { plainLine } from '../report/escape';
import { providerLine } from '../report/lines';
import { type PhaseReport, providerReport } from '../report/model';
import type { ImageUses } from '../session/image-uses';
import type { Leases } from '../session/leases';
import { type Cleanup, cleanUp, engineIdOf } from './cleanup';
import type { DiskGoals } from './disk/goals';
import { makeRoom } from './disk/room';
import { bestEffort, type Log } from './log';
import { LastListings, preflight } from './preflight';
import { discoverProviders, type ProviderSettings } from './providers';
import { filtersOf, type PreSelectionSettings, type Selection, selectBefore } from './selection';
import { writeSnapshot } from './snapshot';

export interface PreCleanup {
  readonly config: ProviderSettings & Cleanup['config'] & PreSelectionSettings & DiskGoals & Pick<Config, 'dryRun' | 'scope'>;
  readonly sessionId: string;
  /** Of other sessions. */
  readonly liveness: LivenessOfSessions;
  readonly leases: Leases;
  readonly imageUses: ImageUses;
  /** The session's own. */
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  /** Called before anything is done, with the places where a later process finds the providers. */
  readonly onFound?: (found: Endpoints) => void;
  /** Narrows or watches the selection. */
  readonly around?: (selection: Selection) => Selection;
  /** See `Cleanup`. */
  readonly onSettled?: Cleanup['onSettled'];
  /** The process that the session ends with: this one, or the runner's Worker, its parent. */
  readonly keeper: 'this' | 'parent';
  /** See `Search`. */
  readonly runProgram?: RunProgram;
  /** Ends it before its deadline: the rest stays. */
  readonly stop?: AbortSignal;
}

/** Without `pre`, required providers are missing: `problem` has a line for each. */
export type PreCleaned =
  | {
      readonly pre: PhaseReport;
      readonly connections: readonly Connection[];
    }
  | { readonly pre?: undefined; readonly connections: readonly Connection[]; readonly problem: string };

/** Looks for all providers, and removes what earlier runs left. */
export function preClean(options: PreCleanup): Promise<PreCleaned> {
  const { config, clock, log, stop } = options;
  return withDeadline(config.deadline, { clock, signal: stop }, (deadline) =>
    log.group(`Pre-cleanup (${config.preCleanup})`, () => clean(options, deadline)),
  );
}

async function clean(options: PreCleanup, deadline: Deadline): Promise<PreCleaned> {
  const { config, sessionId, liveness, leases, directory, startedAt, env, clock, log, runProgram } = options;
  const search = { config, env, clock, deadline, sessionId, endpoints: {}, runProgram };
  const connections = await Promise.all(discoverProviders(search, log));
  options.onFound?.(foundOf(connections));
  const missing = connections.filter((found) => found.status === 'unavailable' && found.required);
  if (missing.length > 0) return { connections, problem: missing.map(requiredButMissing).join('\n') };
  await bestEffort(log, 'listing existing resources', () => writeSnapshot(directory, startedAt, connections, deadline));
  await bestEffort(log, 'announcing this session to other jobs', () => takeSessionLease(options, connections, deadline));
  for (const connection of connections) log.info(providerLine(providerReport(connection)));
  if (config.scope === 'job' && connections.some(hasSandboxes)) log.info(SCOPE_OF_SANDBOXES);
  const { around = (same) => same, onSettled } = options;
  const cleanedAt = clock.now();
  const listings = new LastListings();
  const pre = await cleanUp({
    connections,
    selection: listings.watching(around(selectBefore(config, sessionId, liveness, clock.now())), connections),
    mode: config.dryRun ? { kind: 'plan' } : { kind: 'remove' },
    config,
    deadline,
    clock,
    log: (line) => log.info(line),
    final: false,
    leases: () => leases.atWork(),
    onSettled,
  });
  const disk = await makeRoom({
    connections,
    config,
    sessionId,
    liveness,
    leases: () => leases.atWork(),
    uses: options.imageUses,
    deadline,
    clock,
    log: (line) => log.info(line),
  });
  const troubles = await preflight({ connections, listings, config, sessionId, liveness, deadline });
  const whole = {
    ...pre,
    durationMs: Math.round(clock.now() - cleanedAt),
    ...(disk.length > 0 ? { disk } : {}),
    ...(troubles.length > 0 ? { preflight: troubles } : {}),
  };
  return { pre: whole, connections };
}

/** Announces which resources this session may claim, before any of them exists. */
async function takeSessionLease(
  { config, sessionId, directory, startedAt, leases, keeper }: PreCleanup,
  connections: readonly Connection[],
  deadline: Deadline,
): Promise<void> {
  const pid = keeper === 'this' ? process.pid : process.ppid;
  if (keeper === 'parent' && pid <= 1) return; // This process is in a container: the outer process is unknown.
  const ids = connections.map((connection) =>
    connection.status === 'ready' ? engineIdOf(connection.provider, deadline) : undefined,
  );
  const engines = (await Promise.all(ids)).filter((id) => id !== undefined);
  await leases.take({
    session: sessionId,
    since: startedAt,
    engines,
    filters: filtersOf(config),
    keeper: processWith(pid),
    imageNotes: notesIn(directory).images,
    ...(keeper === 'parent' ? { directory } : {}),
  });
}

function foundOf(connections: readonly Connection[]): Endpoints {
  return Object.fromEntries(connections.flatMap((found) => (found.status === 'ready' ? [[found.name, found.found]] : [])));
}

/** Others share the organization: new sandboxes may be theirs. */
const SCOPE_OF_SANDBOXES =
  'scope: job does not apply to Daytona, which other jobs share: only sandboxes of the session, or matching labels or name-prefixes, are removed.';

function hasSandboxes(connection: Connection): boolean {
  return connection.status === 'ready' && connection.provider.stages.flat().includes('sandbox');
}

function requiredButMissing(connection: Connection): string {
  const reason = connection.status === 'ready' ? '' : connection.reason;
  return plainLine(`${connection.name} is set to true, and can’t be used: ${reason}`);
}
