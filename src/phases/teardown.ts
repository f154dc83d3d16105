import type { Connection } from '../core/connection';
import type { RunProgram } from '../core/run-program';
import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import type { Environment } from '../lib/environment';
import type { SweepMode } from '../reaper/sweep';
import { providerLine } from '../report/lines';
import { type DeathReport, type PhaseReport, providerReport } from '../report/model';
import type { ImageUses } from '../session/image-uses';
import type { Leases } from '../session/leases';
import type { Handover } from '../session/left-images';
import { labelArgument } from '../session/session';
import { type Cleanup, cleanUp } from './cleanup';
import { type DiskGoals, hasImageGoal } from './disk/goals';
import { noteUses } from './disk/image-uses';
import { bestEffort, type Log } from './log';
import { type LastRecording, recordLast } from './recording';
import type { Selection } from './selection';
import { stillUnmatched } from './unmatched';
import { BindSources, checkWorkspace } from './workspace-ownership';

export interface Teardown {
  readonly config: Cleanup['config'] & LastRecording['config'] & Pick<DiskGoals, 'imageBudget' | 'minFreeDisk'>;
  /** Undefined when main died before it had one. */
  readonly sessionId: string | undefined;
  /** Each is cleaned as soon as it is found. */
  readonly connections: readonly Promise<Connection>[];
  readonly selection: Selection;
  readonly mode: SweepMode;
  /** Deaths that are known already. */
  readonly knownDeaths: readonly DeathReport[];
  /** The phases before this one. */
  readonly earlier: readonly (PhaseReport | null)[];
  readonly deadline: Deadline;
  readonly leases: Leases;
  /** Undefined when main left no baseline. */
  readonly leftImages: Handover | undefined;
  /** Where the images that the session used are noted; undefined where nothing is to be noted. */
  readonly imageUses?: { readonly uses: ImageUses; readonly names: readonly string[] };
  /** What to look at for files of other users; undefined where nothing is to be. */
  readonly workspace?: Workspace;
  readonly runProgram?: RunProgram;
  /** This process's own. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  /** See `Cleanup`. */
  readonly onSettled?: Cleanup['onSettled'];
}

/** The directory that the job works in. */
interface Workspace {
  readonly path: string | undefined;
  readonly restore: boolean;
  /** The directories that the session's containers could write to, as far as they are known. */
  readonly sources: readonly string[];
}

export interface TornDown {
  readonly phase: PhaseReport;
  /** Those that became known meanwhile. */
  readonly deaths: readonly DeathReport[];
}

/** Keeps the logs of failed containers, then removes what the session owns. Never throws. */
export async function tearDown(teardown: Teardown): Promise<TornDown> {
  const { config, sessionId, selection, mode, knownDeaths, earlier, deadline, leases, leftImages, env, clock, log } = teardown;
  const deaths: DeathReport[] = [];
  const lastLook = { config, owned: selection.selector, known: knownDeaths, env, clock, signal: deadline.signal };
  const connections = teardown.connections.map(async (found) => {
    const connection = await found;
    log.info(providerLine(providerReport(connection)));
    const last = await bestEffort(log, 'keeping logs', () => recordLast(connection, lastLook));
    deaths.push(...(last ?? []));
    await noteImages(connection, teardown);
    return connection;
  });
  const { workspace } = teardown;
  const sources = new BindSources(workspace?.sources ?? []);
  const phase = await cleanUp({
    connections,
    selection: sources.watching(selection),
    mode,
    ...(sessionId === undefined ? {} : { label: labelArgument(sessionId) }),
    config,
    deadline,
    clock,
    log: (line) => log.info(line),
    leases: () => leases.atWork(),
    leftImages,
    onSettled: teardown.onSettled,
  });
  if (sessionId !== undefined) {
    const isClean = mode.kind === 'remove' && phase.verified === true;
    await bestEffort(log, 'ending this session’s lease', () => leases.release(sessionId, isClean));
  }
  const left =
    workspace &&
    (await bestEffort(log, 'looking at the workspace', async () =>
      checkWorkspace({
        path: workspace.path,
        restore: workspace.restore && mode.kind === 'remove',
        sources,
        connections: await Promise.all(connections),
        sessionId,
        runProgram: teardown.runProgram,
        deadline,
      }),
    ));
  const unmatched = stillUnmatched(phase.unmatched ?? [], { deaths: [...knownDeaths, ...deaths], phases: earlier });
  return { phase: { ...phase, unmatched, ...(left ? { workspace: left } : {}) }, deaths };
}

/** Notes the images that the session used, while its containers are still there. */
async function noteImages(connection: Connection, teardown: Teardown): Promise<void> {
  const { config, knownDeaths, imageUses, deadline, clock, log } = teardown;
  if (imageUses === undefined || !hasImageGoal(config)) return;
  const ended = knownDeaths.flatMap(({ provider, image }) => (provider === connection.name ? (image ?? []) : []));
  const context = { uses: imageUses.uses, deadline, now: clock.now() };
  await bestEffort(log, 'noting which images were used', () => noteUses(connection, [...imageUses.names, ...ended], context));
}
