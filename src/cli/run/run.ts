import { join } from 'node:path';
import type { BenchmarkResult } from '../../benchmark/run';
import { StartError } from '../../benchmark/start-error';
import type { Config } from '../../config/config';
import { savable } from '../../config/saved';
import type { Connection, Endpoints } from '../../core/connection';
import type { Resource } from '../../core/resource';
import { systemClock as clock, sleep } from '../../lib/clock';
import { asError } from '../../lib/errors';
import type { ShutdownSignals } from '../../lib/shutdown-signals';
import { type BenchmarkOutcome, benchmarkReport, runSupervised } from '../../phases/benchmark';
import { mergeDeaths } from '../../phases/deaths';
import { bestEffort } from '../../phases/log';
import { preClean } from '../../phases/pre-clean';
import { engineSocketIn, type LocalProxy, planProxy, startProxyHere } from '../../phases/proxy';
import { readBindNotes, readImageNotes } from '../../proxy/notes';
import { type DeathReport, type PhaseReport, type Report, wholeReport } from '../../report/model';
import { needsAction } from '../../report/verdict';
import { ImageUses } from '../../session/image-uses';
import { Leases, leasePlaces } from '../../session/leases';
import { LeftImages } from '../../session/left-images';
import { Liveness } from '../../session/liveness';
import { stateDirectory } from '../../session/state-directory';
import { ProviderUnreachable } from '../exit';
import { withRequiredProviders } from '../host/connect';
import { localSession } from '../host/local-session';
import { runProgram } from '../host/run-program';
import { excludeLive } from '../options/filters';
import { type OutputOptions, outputOf } from '../options/output-options';
import { readSettings, type SettingOptions } from '../options/setting-options';
import type { Output } from '../terminal/output';
import { ProgressCounter, withProgress } from '../terminal/progress';
import { type CommandOutcome, exitCodeFor } from './exit-code';
import { writeReport } from './report';
import { announced, beginSession, type RunSession, register } from './session';
import { NotBegun, RunSignals } from './signals';
import { ownedSelection, tearDownRun } from './teardown';
import { Watchdog } from './watchdog';

/** As commander reads the options of `run`. */
export interface RunOptions extends SettingOptions, OutputOptions {
  readonly session?: string;
}

/** The input of a run's steps. */
interface Run extends RunSession {
  readonly words: readonly string[];
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
  readonly leases: Leases;
  readonly leftImages: LeftImages;
  readonly imageUses: ImageUses;
  readonly signals: RunSignals;
  /** Counts the teardown. */
  readonly counter: ProgressCounter;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly watchdog: Watchdog;
}

/**
 * Runs a command, and removes everything that it leaves behind.
 * @returns the exit code
 * @throws {UsageError} before the start, for options that can't be read
 * @throws {ProviderUnreachable} before the start, when a required provider can't be reached
 */
export async function run(words: readonly string[], options: RunOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const startedAt = clock.now();
  const output = outputOf(options, env);
  const { config, raw } = readSettings(options, env);
  const state = await stateDirectory(env, (line) => output.warning(line));
  const identified = await localSession(env, state, options.session);
  const leases = new Leases(leasePlaces(state, env), clock);
  const leftImages = new LeftImages(state, clock);
  const imageUses = new ImageUses(state, clock);
  const counter = new ProgressCounter();
  const unregister = await register(identified.id, state, output);
  const session = await announced(identified, { startedAt, config, leases }, output);
  let watchdog: Watchdog | undefined;
  const signals = new RunSignals({ sessionId: session.id, counter, output, onExit: () => watchdog?.end() });
  try {
    const begun = await beginSession(session, { state, startedAt, isLive: (id) => leases.wordOf(id) === 'live', env }, output);
    const paths = {
      reportPath: raw.reportPath ? config.reportPath : join(begun.directory, 'report.json'),
      logsPath: raw.logsPath ? config.logsPath : join(begun.directory, 'logs'),
    };
    const workspaceOwnership = raw.workspaceOwnership ? config.workspaceOwnership : (false as const);
    const settings = { ...withRequiredProviders(config, []), ...paths, workspaceOwnership };
    watchdog = new Watchdog({
      setting: config.watchdog,
      directory: begun.directory,
      state: {
        sessionId: session.id,
        settings: savable({ ...raw, ...paths }),
        workingDirectory: process.cwd(),
        startedAt,
        command: commandLineOf(words, output),
        found: {},
        group: undefined,
        jobStatus: 'cancelled',
      },
      env,
      output,
    });
    return await runRegistered({
      ...begun,
      words,
      config: settings,
      env,
      output,
      leases,
      leftImages,
      imageUses,
      signals,
      counter,
      startedAt,
      watchdog,
    });
  } finally {
    watchdog?.end();
    await unregister().catch(() => undefined); // The registration ends with this process.
  }
}

async function runRegistered(run: Run): Promise<number> {
  const { output, signals } = run;
  const before = await cleanBefore(run);
  const isStarted = !(signals.shutdown.stop.aborted || isFailure(before.phase, run));
  if (isStarted) await run.watchdog.check();
  const outcome = isStarted ? await runCommand(run, before.connections) : ({ kind: 'skipped' } as const);
  const post = await cleanAfter(run, before, outcome);
  if (outcome.kind === 'not-started' && signals.shutdown.signal === undefined) output.error(startErrorLine(outcome.error));
  return exitCodeFor(outcome, signals.shutdown.signal, isFailure(post, run));
}

function isFailure(phase: PhaseReport | null, { config }: Run): boolean {
  return config.failOnError && phase !== null && needsAction(phase);
}

/** The result of pre-cleanup. `phase` is null when it was interrupted or failed. */
interface Before {
  readonly phase: PhaseReport | null;
  readonly connections: readonly Connection[];
  /** Where the teardown looks for providers. */
  readonly found: Endpoints;
}

/**
 * Cleans up before the command, and spares other runs in progress.
 * @throws {ProviderUnreachable} when a required provider can't be reached
 */
async function cleanBefore(run: Run): Promise<Before> {
  const { config, session, directory, startedAt, output, leases, imageUses, signals, watchdog, env } = run;
  const counter = new ProgressCounter();
  const { githubToken } = config;
  const liveness = new Liveness({ sessionId: session.id, leases, githubToken, env, clock, log: output });
  const isSpared = excludeLive({ all: false, sessions: [] }, { liveness, areLeasesKept: leases.areKept, config, now: startedAt });
  let found: Endpoints = {};
  const cleaned = await bestEffort(output, 'pre-cleanup', () =>
    withProgress(output, 'Pre-cleanup', counter, () =>
      preClean({
        config,
        sessionId: session.id,
        liveness,
        leases,
        imageUses,
        directory,
        startedAt,
        env,
        clock,
        log: output,
        onFound: (endpoints) => {
          found = endpoints;
          watchdog.save({ found });
        },
        around: (selection) => {
          const { choose = (selected: readonly Resource[]) => selected } = selection;
          return counter.track({ ...selection, choose: (selected, seen) => choose(selected.filter(isSpared), seen) });
        },
        onSettled: (resource) => counter.settle(resource),
        keeper: 'this',
        runProgram,
        stop: signals.shutdown.stop,
      }),
    ),
  );
  if (cleaned === undefined) return { phase: null, connections: [], found };
  if (cleaned.pre === undefined && !signals.shutdown.stop.aborted) throw new ProviderUnreachable(cleaned.problem);
  return { phase: cleaned.pre ?? null, connections: cleaned.connections, found };
}

/** Runs the command, behind a proxy that labels what it creates. */
async function runCommand(run: Run, connections: readonly Connection[]): Promise<CommandOutcome> {
  const proxy = await startProxy(run, connections);
  try {
    const environment = { ...run.environment, ...proxy?.variables };
    return await runLabelled({ ...run, environment }, connections, engineSocketIn(proxy?.variables ?? {}));
  } finally {
    proxy?.close();
  }
}

/** @throws {ProviderUnreachable} when `proxy` is true, and impossible */
async function startProxy(run: Run, connections: readonly Connection[]): Promise<LocalProxy | undefined> {
  const { config, session, directory, env, output } = run;
  try {
    const plan = await planProxy({ config, session, connections, env, platform: process.platform, directory });
    return plan && (await startProxyHere(plan, (error) => output.debug(asError(error).message)));
  } catch (error) {
    if (config.proxy === true) throw new ProviderUnreachable(asError(error).message);
    output.warning(`What the command creates is not labelled: ${asError(error).message}`);
    return undefined;
  }
}

async function runLabelled(
  run: Run,
  connections: readonly Connection[],
  proxySocket: string | undefined,
): Promise<CommandOutcome> {
  const { config, session, words, environment, env, output, signals, watchdog } = run;
  const [file = '', ...rest] = words;
  try {
    const outcome = await runSupervised({
      config,
      sessionId: session.id,
      command: { file, arguments: rest },
      environment,
      connections,
      recorded: (await ownedSelection({ ...run, sessionId: session.id })).selector,
      proxySocket,
      env,
      clock,
      log: output,
      onGroup: (group) => {
        signals.hasBegun();
        if (group !== undefined) watchdog.save({ group });
      },
      signals: signals.shutdown,
      stop: signals.begin,
      stdin: 'inherit',
    });
    return { kind: 'ended', ...outcome };
  } catch (error) {
    if (error instanceof StartError) return { kind: 'not-started', error };
    if (!(error instanceof NotBegun)) output.error(asError(error).message);
    return { kind: 'skipped' };
  }
}

/** Tears down, and reports the whole run. */
async function cleanAfter(run: Run, before: Before, outcome: CommandOutcome): Promise<PhaseReport> {
  const { config, output, session, signals, counter, env } = run;
  // A signal ends only the wait.
  if (config.delay > 0) await sleep(clock, config.delay, signals.shutdown.stop).catch(() => undefined);
  const ended = outcome.kind === 'ended' ? outcome : undefined;
  const earlierDeaths = ended?.deaths ?? [];
  const jobStatus = statusOf(ended?.result, signals.shutdown);
  run.watchdog.save({ jobStatus });
  const soFar = reportOf(run, { before, ended, post: null, deaths: earlierDeaths });
  await run.watchdog.keep(soFar);
  const { phase, deaths } = await tearDownRun({
    config: { ...config, jobStatus },
    sessionId: session.id,
    found: before.found,
    selection: await ownedSelection({ ...run, sessionId: session.id }),
    knownDeaths: earlierDeaths,
    earlier: [before.phase, ended?.run ?? null],
    counter,
    output,
    leases: run.leases,
    leftImages: run.leftImages.handoverOf(session.id, run.startedAt),
    imageUses: { uses: run.imageUses, names: await readImageNotes(run.directory) },
    workspace: {
      path: config.workspaceOwnership === false ? undefined : (config.workingDirectory ?? process.cwd()),
      restore: config.workspaceOwnership === 'restore',
      sources: await readBindNotes(run.directory),
    },
    env,
    hurry: signals.hurry,
  });
  const whole = reportOf(run, { before, ended, post: phase, deaths: mergeDeaths(earlierDeaths, deaths) });
  await writeReport(whole, config, output);
  return phase;
}

function statusOf(result: BenchmarkResult | undefined, { signal }: ShutdownSignals): string {
  if (signal !== undefined) return 'cancelled';
  return result?.exitCode === 0 ? 'success' : 'failure';
}

interface RunResults {
  readonly before: Before;
  readonly ended: BenchmarkOutcome | undefined;
  readonly post: PhaseReport | null;
  readonly deaths: readonly DeathReport[];
}

function reportOf({ output, session, startedAt, words }: Run, { before, ended, post, deaths }: RunResults): Report {
  return wholeReport({
    session: session.id,
    startedAt,
    now: clock.now(),
    benchmark: ended ? benchmarkReport(commandLineOf(words, output), ended.result) : null,
    deaths,
    phases: { pre: before.phase, run: ended?.run ?? null, post },
  });
}

function commandLineOf(words: readonly string[], output: Output): string {
  return output.masked(words.join(' '));
}

/** Why the command could not be started. No shell is involved. */
function startErrorLine({ setting, problem, message }: StartError): string {
  return setting === 'shell' ? problem : message;
}
