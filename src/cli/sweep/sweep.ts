import type { Config } from '../../config/config';
import { whyTooWide } from '../../config/foreign-labels';
import type { Resource } from '../../core/resource';
import { protectionOf } from '../../core/selector';
import { systemClock as clock } from '../../lib/clock';
import { type Deadline, withDeadline } from '../../lib/deadline';
import { ShutdownSignals, signalExitCode } from '../../lib/shutdown-signals';
import { cleanUp } from '../../phases/cleanup';
import { bestEffort } from '../../phases/log';
import type { Selection } from '../../phases/selection';
import { plainJson } from '../../report/escape';
import { closingLines } from '../../report/lines';
import { type PhaseReport, type Report, wholeReport } from '../../report/model';
import { terminalOf } from '../../report/terminal/terminal';
import { needsAction } from '../../report/verdict';
import { writeOutputs } from '../../report/write';
import { Leases, leasePlaces } from '../../session/leases';
import { Liveness } from '../../session/liveness';
import { stateDirectory } from '../../session/state-directory';
import { exitCodes, UsageError } from '../exit';
import { type Connected, connectAll, withRequiredProviders } from '../host/connect';
import { localSession } from '../host/local-session';
import {
  evidenceFor,
  excludeLive,
  type FilterOptions,
  isSelecting,
  readFilters,
  selectorOf,
  selectorOfInherited,
  selectsAllSessions,
  type TypedFilters,
} from '../options/filters';
import { type OutputOptions, outputOf } from '../options/output-options';
import { readSettings, type SettingOptions } from '../options/setting-options';
import { MAX_SHOWN, type Output } from '../terminal/output';
import { ProgressCounter, withProgress } from '../terminal/progress';
import { confirm } from './confirm';
import { Busy, takeSweepLock } from './lock';

/** As commander reads the options of `sweep`. */
export interface SweepOptions extends FilterOptions, SettingOptions, OutputOptions {
  readonly yes?: boolean;
  /** False with `--no-wait`. */
  readonly wait: boolean;
  readonly json?: boolean;
}

/** The input of a sweep's steps. */
interface Sweep {
  readonly options: SweepOptions;
  readonly env: NodeJS.ProcessEnv;
  readonly filters: TypedFilters;
  readonly isAsking: boolean;
  readonly config: Config;
  /** Undefined: write no report. */
  readonly reportPath: string | undefined;
  readonly output: Output;
  /** Aborts at the first signal. */
  readonly stop: AbortSignal;
  readonly sessionId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** See `stateDirectory`. */
  readonly state: string | undefined;
  readonly leases: Leases;
  readonly liveness: Liveness;
}

/**
 * Removes the resources that filters select.
 * @returns the exit code
 * @throws {UsageError} for options that can't be read, and without a filter
 * @throws {ProviderUnreachable} when no provider can be reached
 */
export async function sweep(options: SweepOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const output = outputOf(options, env);
  const filters = readFilters(options);
  const { config, raw } = readSettings(options, env);
  const isAsking = selectsAllSessions(filters) && options.yes !== true && !config.dryRun;
  validateFilters(filters, isAsking, output);
  const state = await stateDirectory(env, (line) => output.warning(line));
  const { id: sessionId } = await localSession(env, state);
  const kinds = filters.kinds.length > 0 ? filters.kinds : config.resources;
  const leases = new Leases(leasePlaces(state, env), clock);
  const signals = new ShutdownSignals();
  signals.listen((number, signal) => {
    if (number > 1) process.exit(signalExitCode(signal));
    output.warning('interrupted: finishing the removals in progress; a second signal exits at once');
  });
  try {
    return await sweepUntilSignal({
      options,
      env,
      filters,
      isAsking,
      config: { ...withRequiredProviders(config, filters.providers), resources: kinds },
      reportPath: raw.reportPath ? config.reportPath : undefined,
      output,
      stop: signals.stop,
      sessionId,
      startedAt: clock.now(),
      state,
      leases,
      liveness: new Liveness({ sessionId, leases, githubToken: config.githubToken, env, clock, log: output }),
    }).then((code) => (signals.signal === undefined ? code : signalExitCode(signals.signal)));
  } catch (error) {
    if (signals.signal !== undefined) return signalExitCode(signals.signal);
    throw error;
  } finally {
    signals.dispose();
  }
}

function validateFilters(filters: TypedFilters, isAsking: boolean, output: Output): void {
  if (!isSelecting(filters)) {
    throw new UsageError('sweep needs a filter: --stale, --older-than 24h, --session ID, --label KEY=VALUE, …, or --all');
  }
  const tooWide = filters.labels.map(whyTooWide).find((why) => why !== undefined);
  if (tooWide !== undefined) throw new UsageError(`--label: ${tooWide}`);
  if (isAsking && !output.canAsk) {
    throw new UsageError(
      'this would remove the resources of all sessions, and there is no terminal to ask on: add --yes, or a filter such as --stale',
    );
  }
}

async function sweepUntilSignal(sweep: Sweep): Promise<number> {
  const result = await withLock(sweep, () => connectAndSweep(sweep));
  switch (result) {
    case 'busy':
      return exitCodes.done;
    case 'declined':
      return exitCodes.left;
    default:
      await report(result, sweep);
      return exitCodeFor(result);
  }
}

/** `busy`: another sweep is in progress, and waiting is off. `declined`: the user said no. */
type Result = PhaseReport | 'busy' | 'declined';

async function withLock(sweep: Sweep, work: () => Promise<Result>): Promise<Result> {
  if (sweep.config.dryRun) return work();
  let release: (() => Promise<void>) | undefined;
  try {
    release = await lock(sweep);
  } catch (error) {
    if (sweep.stop.aborted) throw error;
    if (error instanceof Busy) {
      sweep.output.info(`Nothing was done: ${error.message}.`);
      return 'busy';
    }
    // Two sweeps at a time waste work, but do no harm.
    await bestEffort(sweep.output, 'locking out other sweeps', () => Promise.reject(error));
  }
  try {
    return await work();
  } finally {
    await release?.().catch(() => undefined); // The lock ends with this process.
  }
}

/** Waits for another sweep, within this one's deadline. */
async function lock({ options, config, state: directory, output, stop }: Sweep): Promise<(() => Promise<void>) | undefined> {
  if (directory === undefined) return undefined;
  return withDeadline(config.deadline, { clock, signal: stop }, ({ signal }) =>
    takeSweepLock({
      directory,
      clock,
      wait: options.wait,
      onWait: ({ message }) => output.info(`Waiting: ${message}.`),
      signal,
    }),
  );
}

async function connectAndSweep(sweep: Sweep): Promise<Result> {
  const { env, config, output, stop, liveness } = sweep;
  const connected = await withDeadline(config.deadline, { clock, signal: stop }, (deadline) =>
    connectAll(config, env, deadline, output),
  );
  for (const line of connected.missing) output.error(line);
  if (sweep.isAsking) {
    const isConfirmed = await confirm({ connections: connected.ready, selection: selectionOf(sweep), liveness, stop, output });
    if (!isConfirmed) return 'declined';
  }
  return withDeadline(config.deadline, { clock, signal: stop }, (deadline) => remove(connected, sweep, deadline));
}

function selectionOf({ filters, config, sessionId, leases, liveness }: Sweep): Selection {
  const context = { sessionId, liveness, areLeasesKept: leases.areKept, config, now: clock.now() };
  const isNotLive = excludeLive(filters, context);
  const selector = selectorOf(filters, context);
  // Typed labels and names prove what is meant; an inherited session's label does not.
  const isNamed = filters.labels.length > 0 || filters.namePrefixes.length > 0;
  const isSelectedOtherwise = selectorOfInherited(filters, context);
  const isInherited = ({ inheritsSession = false }: Resource) => inheritsSession && !isNamed;
  return {
    selector,
    evidence: evidenceFor(filters, context),
    learn: (listed) => liveness.learn(listed),
    choose: (selected) => selected.filter((resource) => isNotLive(resource) && !isInherited(resource)),
    spared: ({ listed }) =>
      listed
        .filter((resource) => isInherited(resource) && isSelectedOtherwise(resource) && protectionOf(resource) === undefined)
        .map((resource) => ({ resource, why: 'inherited-label' })),
  };
}

async function remove({ all }: Connected, sweep: Sweep, deadline: Deadline): Promise<PhaseReport> {
  const { config, output } = sweep;
  const counter = new ProgressCounter();
  return withProgress(output, 'Sweeping', counter, () =>
    cleanUp({
      connections: all,
      selection: counter.track(selectionOf(sweep)),
      mode: config.dryRun ? { kind: 'plan' } : { kind: 'remove' },
      config,
      deadline,
      clock,
      log: (line) => output.info(line),
      onSettled: (resource) => counter.settle(resource),
    }),
  );
}

/** Prints the report, and writes it and the metrics if asked to. */
async function report(phase: PhaseReport, sweep: Sweep): Promise<void> {
  const { output, config, options, sessionId: session, startedAt, reportPath } = sweep;
  const phases = { pre: null, run: null, post: phase };
  const whole = wholeReport({ session, startedAt, now: clock.now(), benchmark: null, deaths: [], phases });
  print(whole, phase, options, output);
  await writeOutputs(whole, { reportPath, metricsPath: config.metricsPath }, output.warning);
}

function print(whole: Report, phase: PhaseReport, { json }: SweepOptions, output: Output): void {
  if (json) output.result(`${plainJson(JSON.stringify(whole, null, 2))}\n`);
  else if (phase.resources.length > 0) {
    output.result(terminalOf(whole, { color: output.hasColor('stdout'), maxItems: MAX_SHOWN, columns: output.columns }));
  } else if (output.level !== 'quiet' || needsAction(phase)) {
    output.result(`${closingLines(phase).join('\n')}\n`);
  }
}

function exitCodeFor(phase: PhaseReport): number {
  if (phase.totals.failed > 0) return exitCodes.left;
  if (phase.providers.some(({ status }) => status === 'unavailable')) return exitCodes.unreachable;
  return needsAction(phase) ? exitCodes.left : exitCodes.done;
}
