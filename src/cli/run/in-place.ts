import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { limitsFrom, ProcessTree } from '../../benchmark/process-tree';
import { parseAccepted } from '../../config/saved';
import { systemClock as clock } from '../../lib/clock';
import { quietly } from '../../lib/quietly';
import { lostBenchmark } from '../../phases/benchmark';
import { mergeDeaths } from '../../phases/deaths';
import { bestEffort } from '../../phases/log';
import { readMainReport } from '../../phases/main-report';
import { lifelineIn } from '../../phases/proxy';
import { settingsInPlace } from '../../phases/watchdog';
import { readImageNotes } from '../../proxy/notes';
import { type BenchmarkRemains, wholeReport } from '../../report/model';
import { writeOutputs } from '../../report/write';
import { Claims } from '../../session/claims';
import { ImageUses } from '../../session/image-uses';
import { Leases, leasePlaces } from '../../session/leases';
import { LeftImages } from '../../session/left-images';
import { MAX_BESIDES_CLEANUP_MS, soleCleanup } from '../../session/sole-cleanup';
import { stateDirectory } from '../../session/state-directory';
import { withRequiredProviders } from '../host/connect';
import { settingsFromVariables } from '../options/setting-options';
import { Output } from '../terminal/output';
import { ProgressCounter } from '../terminal/progress';
import { type RunState, readState } from './state';
import { ownedSelection, tearDownRun } from './teardown';

const NEVER = new AbortController().signal;

/**
 * Cleans up in the place of a `run` that was killed: a watchdog starts it. What it prints
 * is dropped; its report says what it did.
 * @param directory the session's
 */
export async function runInPlace(directory: string, env: NodeJS.ProcessEnv): Promise<void> {
  const saved = readState(directory);
  // It may be gone. Then only paths without it can be used.
  quietly(() => process.chdir(saved.workingDirectory));
  const output = new Output({ level: 'quiet', color: false }, env);
  const state = await stateDirectory(env, output.debug);
  const config = {
    ...withRequiredProviders(settingsInPlace(parseAccepted(saved.settings, settingsFromVariables(env), env)), []),
    jobStatus: saved.jobStatus,
  };
  const isOver = () => !existsSync(lifelineIn(directory));
  const maxWaitMs = config.deadline + 2 * config.gracePeriod + MAX_BESIDES_CLEANUP_MS;
  const end = await soleCleanup({ directory, clock, isOver, maxWaitMs, onWait: () => undefined });
  if (end === undefined) return;
  await unlessAgainAtWork(saved.sessionId, state, () => clean({ saved, config, directory, state, env, output }));
  await rm(lifelineIn(directory), { force: true });
  await end();
}

/** Another `run` with the same session, of the user's choice, cleans up after both. */
async function unlessAgainAtWork(session: string, state: string | undefined, work: () => Promise<void>): Promise<void> {
  if (state === undefined) return work();
  const taken = await new Claims(join(state, 'sessions'), clock).take(session);
  if ('holder' in taken) return;
  try {
    await work();
  } finally {
    await taken.release();
  }
}

/** The input of the cleanup. */
interface CleanupInPlace {
  readonly saved: RunState;
  readonly config: Parameters<typeof tearDownRun>[0]['config'] & ReturnType<typeof settingsInPlace>;
  readonly directory: string;
  readonly state: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
}

async function clean({ saved, config, directory, state, env, output }: CleanupInPlace): Promise<void> {
  const { sessionId, startedAt } = saved;
  const before = await readMainReport(directory);
  const remains = await bestEffort(output, 'ending the command', () => endCommand(saved, config.gracePeriod));
  const { phase, deaths } = await tearDownRun({
    config,
    sessionId,
    found: saved.found,
    selection: await ownedSelection({ config, sessionId, directory, output }),
    knownDeaths: before.deaths,
    earlier: [before.pre, before.run],
    counter: new ProgressCounter(),
    output,
    leases: new Leases(leasePlaces(state, env), clock),
    leftImages: new LeftImages(state, clock).handoverOf(sessionId, startedAt),
    imageUses: { uses: new ImageUses(state, clock), names: await readImageNotes(directory) },
    workspace: { path: undefined, restore: false, sources: [] },
    env,
    hurry: NEVER,
  });
  const report = wholeReport({
    session: sessionId,
    startedAt,
    now: clock.now(),
    benchmark: before.benchmark ?? (remains === undefined ? null : lostBenchmark(saved.command, remains)),
    deaths: mergeDeaths(before.deaths, deaths),
    phases: { pre: before.pre, run: before.run, post: phase },
  });
  await writeOutputs(report, config, (line) => output.warning(line));
}

/** Ends a command that outlived `run`. @returns its fate; undefined if it had not begun */
async function endCommand({ sessionId, group }: RunState, graceMs: number): Promise<BenchmarkRemains | undefined> {
  const tree = ProcessTree.ofEarlier(sessionId, group);
  if ((await tree.alive()).length === 0) return group === undefined ? undefined : 'gone';
  const survivors = await tree.end(limitsFrom(clock.now(), graceMs), clock);
  return survivors.length === 0 ? 'ended' : 'alive';
}
