import type { Config } from '../../config/config';
import { includingOrphanedImages } from '../../core/selector';
import { systemClock as clock, systemClock } from '../../lib/clock';
import { type Deadline, withDeadline } from '../../lib/deadline';
import { ShutdownSignals } from '../../lib/shutdown-signals';
import { cleanUp } from '../../phases/cleanup';
import type { Selection } from '../../phases/selection';
import { plainJson } from '../../report/escape';
import { closingLines } from '../../report/lines';
import type { PhaseReport, Report } from '../../report/model';
import { terminalOf } from '../../report/terminal/terminal';
import { needsAction } from '../../report/verdict';
import { wholeReport } from '../../report/whole-report';
import { writeOutputs } from '../../report/write';
import { exitCodeOf, exitCodes } from '../exit-codes';
import { type Connected, connectAll, withRequiredProviders } from '../host/connect';
import { LiveSessions } from '../host/live-sessions';
import { localSession } from '../host/session-origin';
import { stateDirectory } from '../host/state-directory';

import { outputOf } from '../options/common-options';
import { filterContext } from '../options/filter-context';
import { excludeLive, isSelecting, readFilters, selectorOf, type TypedFilters } from '../options/filters';
import { readSettings } from '../options/setting-options';
import { ProviderUnreachable, UsageError } from '../options/usage-error';
import type { Output } from '../terminal/output';
import { withProgress } from '../terminal/progress';
import { ProgressCounter } from '../terminal/progress-counter';
import { confirm } from './confirm';
import { Busy, takeSweepLock } from './lock';

type Options = Readonly<Record<string, unknown>>;

/** So many resources are shown one by one: the report has them all. */
const MAX_SHOWN = 50;

/** All that one sweep is about. */
interface Sweep {
  readonly options: Options;
  readonly env: NodeJS.ProcessEnv;
  readonly filters: TypedFilters;
  readonly config: Config;
  readonly output: Output;
  /** Aborts when the user wants it to end. */
  readonly stop: AbortSignal;
  readonly sessionId: string;
  readonly startedAt: number;
  /** Where this user's processes meet. */
  readonly directory: string;
}

/**
 * Removes what filters select.
 * @returns the exit code
 * @throws {UsageError} for what can't be read, and where nothing was said to be removed
 * @throws {ProviderUnreachable} when there is nowhere to look
 */
export async function sweepNow(options: Options, env: NodeJS.ProcessEnv): Promise<number> {
  const output = outputOf(options, env);
  const filters = readFilters(options);
  const { config, raw } = readSettings(options, env);
  const isAsking = filters.all && options['yes'] !== true && !config.dryRun;
  validateFilters(filters, isAsking, output);
  const directory = await stateDirectory(env);
  const interruption = new ShutdownSignals({
    onSignal(number, signal) {
      if (number > 1) process.exit(exitCodeOf(signal));
      output.warning('interrupted: what has begun is finished; once more ends it at once');
    },
  });
  const kinds = filters.kinds.length > 0 ? filters.kinds : config.resources;
  const sweep: Sweep = {
    options,
    env,
    filters,
    config: { ...withRequiredProviders(config, filters.providers), resources: kinds },
    output,
    stop: interruption.stop,
    sessionId: (await localSession(env, directory)).id,
    startedAt: clock.now(),
    directory,
  };
  try {
    const result = await locked(sweep, () => sweepLocked(sweep, isAsking));
    if (typeof result !== 'string') await tell(result, sweep, raw.reportPath);
    return interruption.signal === undefined ? codeFor(result) : exitCodeOf(interruption.signal);
  } catch (error) {
    if (interruption.signal !== undefined) return exitCodeOf(interruption.signal);
    throw error;
  } finally {
    interruption.dispose();
  }
}

function validateFilters(filters: TypedFilters, isAsking: boolean, output: Output): void {
  if (!isSelecting(filters)) {
    throw new UsageError('sweep needs to be told what: --stale, --older-than 24h, --session ID, --label KEY=VALUE, …, or --all');
  }
  if (isAsking && !output.canAsk) {
    throw new UsageError('--all removes everything that carries this action’s label: without a terminal to ask on, add --yes');
  }
}

/** What became of it. `busy`: another sweep is at it, and nobody wants to wait. `declined`: the user does not want it. */
type Result = PhaseReport | 'busy' | 'declined';

async function locked(sweep: Sweep, work: () => Promise<Result>): Promise<Result> {
  const { options, config, directory, output, stop } = sweep;
  if (config.dryRun) return work();
  try {
    const release = await withDeadline(config.deadline, { clock: systemClock, signal: stop }, ({ signal }) =>
      takeSweepLock({
        directory,
        clock,
        wait: options['wait'] !== false,
        onWait: ({ message }) => output.info(`Waiting: ${message}.`),
        signal,
      }),
    );
    try {
      return await work();
    } finally {
      await release();
    }
  } catch (error) {
    if (!(error instanceof Busy)) throw error;
    output.info(`Nothing was done: ${error.message}.`);
    return 'busy';
  }
}

async function sweepLocked(sweep: Sweep, isAsking: boolean): Promise<Result> {
  const { env, config, output, stop } = sweep;
  const connected = await withDeadline(config.deadline, { clock: systemClock, signal: stop }, (deadline) =>
    connectAll(config, env, deadline, output),
  );
  if (connected.ready.length === 0) throw new ProviderUnreachable(connected.missing.join('\n'));
  for (const line of connected.missing) output.error(line);
  if (isAsking) {
    const live = new LiveSessions(sweep.directory);
    const { selector } = selectionOf(sweep, live);
    const isAgreed = await confirm({ connections: connected.ready, selector, isLive: (id) => live.has(id), stop, output });
    if (!isAgreed) return 'declined';
  }
  return withDeadline(config.deadline, { clock: systemClock, signal: stop }, (deadline) => swept(connected, sweep, deadline));
}

function selectionOf({ filters, config, sessionId, env }: Sweep, live: LiveSessions): Selection {
  const spares = excludeLive(filters, (id) => live.has(id));
  return {
    // With it go the images that only it uses, where images are to go.
    selector: includingOrphanedImages(selectorOf(filters, filterContext(config, sessionId, live, env))),
    choose: (selected) => selected.filter(spares),
  };
}

async function swept({ all }: Connected, sweep: Sweep, deadline: Deadline): Promise<PhaseReport> {
  const { config, output, directory } = sweep;
  const tally = new ProgressCounter();
  return withProgress(output, 'Sweeping', tally, () =>
    cleanUp({
      connections: all,
      selection: tally.track(selectionOf(sweep, new LiveSessions(directory))),
      mode: config.dryRun ? { kind: 'plan' } : { kind: 'remove' },
      config,
      deadline,
      clock,
      log: (line) => output.info(line),
      onSettled: (resource) => tally.settle(resource),
    }),
  );
}

async function tell(phase: PhaseReport, sweep: Sweep, reportPath: string | undefined): Promise<void> {
  const { output, config, options, sessionId: session, startedAt } = sweep;
  const phases = { pre: null, run: null, post: phase };
  const report = wholeReport({ session, startedAt, now: clock.now(), benchmark: null, deaths: [], phases });
  show(report, phase, options, output);
  await writeOutputs(
    report,
    { reportPath: reportPath ? config.reportPath : undefined, metricsPath: config.metricsPath },
    output.warning,
  );
}

function show(report: Report, phase: PhaseReport, { json }: Options, output: Output): void {
  if (json === true) output.result(`${plainJson(JSON.stringify(report, null, 2))}\n`);
  else if (phase.resources.length > 0) {
    output.result(terminalOf(report, { color: output.hasColor('stdout'), most: MAX_SHOWN, columns: output.columns }));
  } else if (output.level !== 'quiet' || needsAction(phase)) {
    output.result(`${closingLines(phase).join('\n')}\n`);
  }
}

function codeFor(result: Result): number {
  if (result === 'busy') return exitCodes.done;
  if (result === 'declined') return exitCodes.left;
  if (result.totals.failed > 0) return exitCodes.left;
  if (result.providers.some(({ status }) => status === 'unavailable')) return exitCodes.unreachable;
  return needsAction(result) ? exitCodes.left : exitCodes.done;
}
