import { survivorsLine } from '../benchmark/process-table';
import { type BenchmarkResult, runBenchmark } from '../benchmark/run';
import type { Command } from '../benchmark/shell';
import type { Config } from '../config/config';
import type { Connection } from '../core/connection';
import type { Selector } from '../core/selector';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';
import type { ShutdownSignals } from '../lib/shutdown-signals';
import { plainLine } from '../report/escape';
import { benchmarkEnd } from '../report/exit-code';
import type { BenchmarkReport, DeathReport, PhaseReport } from '../report/model';
import { sweepExited } from './exited';
import type { Log } from './log';
import { type Recording, startRecording } from './recording';
import { selectAfter } from './selection';

export interface SupervisedBenchmark {
  readonly config: Config;
  readonly sessionId: string;
  readonly command: Command;
  /** Of the benchmark. */
  readonly environment: NodeJS.ProcessEnv;
  readonly connections: readonly Connection[];
  /** Whose containers are recorded. */
  readonly recorded: Selector;
  /** Of this process. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with the benchmark's process group as soon as it runs, and with nothing when it has ended. */
  readonly onGroup: (processGroup: number | undefined) => void;
  /** The signals to this process. */
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
  /** What `exited-ttl` did meanwhile; null without it. */
  readonly run: PhaseReport | null;
  readonly deaths: readonly DeathReport[];
}

/** Runs the benchmark, with the recorder and the removal of what has exited beside it. */
export async function runSupervised(care: SupervisedBenchmark): Promise<BenchmarkOutcome> {
  const recording = await startRecording({ ...care, owned: care.recorded });
  const ended = new AbortController();
  const beside = Promise.all([run(care).finally(() => ended.abort()), sweepBeside(care, recording, ended.signal)]);
  const [result, phase] = await beside.catch(async (error: unknown) => {
    await recording.finish(true); // Its streams would keep this process from its end.
    throw error;
  });
  const deaths = await recording.finish(result.interruptedBy !== null || care.stop.aborted);
  return { result, run: phase, deaths };
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

/** `exited-ttl`: what goes while the benchmark runs. */
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

/** What the report shows of a script. */
export function firstLine(script: string): string {
  return script.trim().split('\n')[0]?.trim() ?? '';
}

/** @param command what was run, as people wrote it: its first line is told */
export function benchmarkReport(command: string, result: BenchmarkResult): BenchmarkReport {
  const { exitCode, signal, timedOut, interruptedBy, durationMs } = result;
  return { command: firstLine(command), exitCode, signal, timedOut, interruptedBy, durationMs: Math.round(durationMs) };
}
