import { survivorsLine } from '../benchmark/process-table';
import { type BenchmarkResult, runBenchmark } from '../benchmark/run';
import type { Command } from '../benchmark/shell';
import type { Config } from '../config/config';
import type { Connection } from '../core/connection';
import type { Selector } from '../core/selector';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';
import { asError } from '../lib/errors';
import type { ShutdownSignals } from '../lib/shutdown-signals';
import { listenForStarts, startsSocket } from '../proxy/starts';
import { plainLine } from '../report/escape';
import { benchmarkEnd } from '../report/exit-code';
import type { BenchmarkRemains, BenchmarkReport, DeathReport, PhaseReport } from '../report/model';
import type { Cleanup } from './cleanup';
import { sweepExited } from './exited';
import type { Log } from './log';
import { type Recording, type RecordingOptions, startRecording } from './recording';
import { renewLifetimes } from './sandbox-ttl';
import { type SelectionSettings, selectAfter } from './selection';

export interface SupervisedBenchmark {
  readonly config: RecordingOptions['config'] &
    SelectionSettings &
    Cleanup['config'] &
    Pick<Config, 'workingDirectory' | 'timeout' | 'exitedTtl' | 'sandboxTtl' | 'dryRun'>;
  readonly sessionId: string;
  readonly command: Command;
  /** The benchmark's. */
  readonly environment: NodeJS.ProcessEnv;
  readonly connections: readonly Connection[];
  /** Selects the containers to record. */
  readonly recorded: Selector;
  /** Of the proxy before the engine, if there is one. */
  readonly proxySocket: string | undefined;
  /** This process's own. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with the benchmark's process group when it runs, and with undefined after its end. */
  readonly onGroup: (processGroup: number | undefined) => void;
  /** Signals to this process. */
  readonly signals: ShutdownSignals;
  /** Ends the benchmark. */
  readonly stop: AbortSignal;
  /** See `StartOptions`. */
  readonly stdin: 'ignore' | 'inherit';
  /** See `TerminatorOptions`. */
  readonly maxWhenCancelledMs?: number;
}

export interface BenchmarkOutcome {
  readonly result: BenchmarkResult;
  /** The phase of `exited-ttl`; null without it. */
  readonly run: PhaseReport | null;
  readonly deaths: readonly DeathReport[];
}

/** Runs the benchmark, with the recorder and the removal of exited containers beside it. */
export async function runSupervised(care: SupervisedBenchmark): Promise<BenchmarkOutcome> {
  const recording = await startRecording({ ...care, owned: care.recorded });
  const stopListening = await listenFor(care, recording);
  const ended = new AbortController();
  const beside = Promise.all([
    run(care).finally(() => ended.abort()),
    sweepBeside(care, recording, ended.signal),
    renewBeside(care, ended.signal),
  ]);
  const [result, phase] = await beside.catch(async (error: unknown) => {
    stopListening();
    await recording.finish(true); // Its streams would keep the process alive.
    throw error;
  });
  stopListening();
  const deaths = await recording.finish(result.interruptedBy !== null || care.stop.aborted);
  return { result, run: phase, deaths };
}

/** Has the proxy tell the recorder of each start. Without that, only `--rm` logs are less whole. */
async function listenFor({ proxySocket, log }: SupervisedBenchmark, { prepare }: Recording): Promise<() => void> {
  try {
    if (proxySocket !== undefined) return await listenForStarts(startsSocket(proxySocket), prepare);
  } catch (error) {
    log.info(plainLine(`The recorder does not see containers before they start: ${asError(error).message}`));
  }
  return () => undefined;
}

async function run(care: SupervisedBenchmark): Promise<BenchmarkResult> {
  const { config, sessionId, command, environment, stdin, log, onGroup } = care;
  const result = await runBenchmark({
    sessionId,
    command,
    environment,
    stdin,
    workingDirectory: config.workingDirectory,
    timeoutMs: config.timeout,
    graceMs: config.gracePeriod,
    maxWhenCancelledMs: care.maxWhenCancelledMs,
    clock: care.clock,
    signals: care.signals,
    signal: care.stop,
    onStarted: onGroup,
  });
  onGroup(undefined);
  if (result.survivors.length > 0) log.warning(plainLine(survivorsLine(result.survivors)), 'Benchmark');
  if (result.exitCode !== 0) log.error(`The benchmark ${benchmarkEnd(result)}.`, 'Benchmark');
  return result;
}

/** Runs `exited-ttl` beside the benchmark. */
async function sweepBeside(
  { config, sessionId, connections, clock, log }: SupervisedBenchmark,
  { isRecorded }: Recording,
  benchmark: AbortSignal,
): Promise<PhaseReport | null> {
  if (config.exitedTtl === undefined || config.dryRun) return null;
  const owned = selectAfter({ ...config, scope: 'session' }, sessionId, undefined).selector;
  return sweepExited({
    connections: connections.filter((found) => found.status === 'ready' && found.provider.stages.flat().includes('container')),
    config,
    owned,
    canRemove: isRecorded,
    ttlMs: config.exitedTtl,
    clock,
    log: (line) => log.info(line),
    benchmark,
  });
}

/** Runs `sandbox-ttl` beside the benchmark. */
async function renewBeside(care: SupervisedBenchmark, signal: AbortSignal): Promise<void> {
  const { sandboxTtl: ttlMs, dryRun } = care.config;
  if (ttlMs !== undefined && !dryRun) await renewLifetimes({ ...care, renewed: new Set(), ttlMs, signal });
}

/** The part of a script that the report shows. */
export function firstLine(script: string): string {
  return script.trim().split('\n')[0]?.trim() ?? '';
}

/** Of a benchmark whose end nothing saw. */
export function lostBenchmark(command: string, remains: BenchmarkRemains): BenchmarkReport {
  return { command, exitCode: null, signal: null, timedOut: false, interruptedBy: null, durationMs: null, remains };
}

/** @param command as the user wrote it */
export function benchmarkReport(command: string, result: BenchmarkResult): BenchmarkReport {
  const { exitCode, signal, timedOut, interruptedBy, durationMs } = result;
  return { command: firstLine(command), exitCode, signal, timedOut, interruptedBy, durationMs: Math.round(durationMs) };
}
