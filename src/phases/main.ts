import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as core from '@actions/core';
import { type BenchmarkResult, runBenchmark } from '../benchmark/run';
import { shellCommand } from '../benchmark/shell';
import { type Config, parseConfig } from '../config/config';
import { savable } from '../config/saved';
import { readInputs } from '../github/inputs';
import { exportVariables, type SessionVariables, setOutputs } from '../github/outputs';
import { earlierSessions, sessionDirectory, surroundings } from '../github/runner';
import { saveBenchmark, saveMain } from '../github/state';
import { systemClock } from '../reaper/clock';
import type { Connection } from '../reaper/connection';
import { writeReport } from '../report/json';
import { closingLines } from '../report/lines';
import { type BenchmarkReport, isoTime, type PhaseReport, type Report, removedIn } from '../report/model';
import { labelArgument, labelFile, newSession, type Session } from '../session/session';
import { annotate } from './annotate';
import { sweepExited } from './exited';
import { preClean } from './pre-clean';
import { selectAfter } from './selection';

const clock = systemClock;

/** The action's main: cleans what earlier runs left, says whose the new resources are, and runs the benchmark if it is given one. */
export async function main(): Promise<void> {
  const startedAt = clock.now();
  const raw = readInputs();
  const session = newSession(surroundings(process.env));
  // First of all: whatever happens from here on, post knows whom to clean up after.
  saveMain({ session, settings: savable(raw) });
  const config = parseConfig(raw, process.env);
  const directory = sessionDirectory(process.env, session.id);
  await mkdir(directory, { recursive: true });

  const cleaned = await preClean(config, session.id, directory, startedAt);
  if (cleaned === undefined) return;
  const { pre, connections } = cleaned;
  for (const line of closingLines(pre)) core.info(line);
  const variables = await announce(session, directory);
  const writeReports = async (benchmark: BenchmarkReport | null, run: PhaseReport | null) => {
    const report = reportOf(session, startedAt, benchmark, { pre, run, post: null });
    await writeReport(join(directory, MAIN_REPORT), report);
    await writeReport(config.reportPath, report);
  };
  setOutputs({ removed: removedIn(pre), failed: pre.totals.failed, report: config.reportPath });
  await writeReports(null, null);
  if (!annotate(pre, config, session.id)) return;
  if (config.run === undefined) return;

  const ended = new AbortController();
  const [result, run] = await Promise.all([
    benchmark(config.run, config, directory, variables).finally(() => ended.abort()),
    sweepBeside(config, session.id, connections, ended.signal),
  ]);
  setOutputs({ 'exit-code': result.exitCode });
  await writeReports(benchmarkReport(config.run, result), run);
  process.exitCode = result.exitCode;
}

/** Main's own report, for post to take up; the one at report-path may be another use's of this action by then. */
export const MAIN_REPORT = 'main.json';

/** Tells later steps, and the benchmark, with which label to mark what they start. */
async function announce(session: Session, directory: string): Promise<SessionVariables> {
  const file = join(directory, 'labels');
  await writeFile(file, labelFile(session));
  const label = labelArgument(session.id);
  const variables = {
    CLEANUP_SESSION_ID: session.id,
    CLEANUP_LABEL: label,
    CLEANUP_LABEL_FILE: file,
    CLEANUP_JOB_SESSIONS: [...earlierSessions(process.env), session.id].join(' '),
  };
  exportVariables(variables);
  setOutputs({ 'session-id': session.id, label, 'label-file': file });
  core.info(`What carries the label ${label} is removed when this job ends.`);
  return variables;
}

/** `exited-ttl`: what goes while the benchmark runs; null when it is not set. */
async function sweepBeside(
  config: Config,
  sessionId: string,
  connections: readonly Connection[],
  benchmark: AbortSignal,
): Promise<PhaseReport | null> {
  if (config.exitedTtl === undefined || config.dryRun) return null;
  const owned = selectAfter({ ...config, scope: 'session' }, sessionId, undefined).selector;
  return sweepExited({ connections, config, owned, ttlMs: config.exitedTtl, clock, log: core.info, benchmark });
}

async function benchmark(
  script: string,
  config: Config,
  directory: string,
  variables: SessionVariables,
): Promise<BenchmarkResult> {
  const result = await runBenchmark({
    command: await shellCommand(config.shell, script, directory),
    workingDirectory: config.workingDirectory,
    environment: { ...process.env, ...variables },
    timeoutMs: config.timeout,
    graceMs: config.gracePeriod,
    clock,
    onStarted: saveBenchmark,
  });
  saveBenchmark(undefined);
  if (result.exitCode !== 0) core.error(endOf(result), { title: 'Benchmark' });
  return result;
}

function endOf({ exitCode, signal, timedOut, interruptedBy }: BenchmarkResult): string {
  if (timedOut) return `The benchmark was ended at its timeout (exit code ${exitCode}).`;
  if (interruptedBy) return `The benchmark was ended, because this step was (${interruptedBy}, exit code ${exitCode}).`;
  return signal ? `The benchmark was ended by ${signal} (exit code ${exitCode}).` : `The benchmark exited with code ${exitCode}.`;
}

function benchmarkReport(script: string, { exitCode, signal, timedOut, durationMs }: BenchmarkResult): BenchmarkReport {
  const command = script.split('\n')[0]?.trim() ?? '';
  return { command, exitCode, signal, timedOut, durationMs: Math.round(durationMs) };
}

function reportOf(session: Session, startedAt: number, benchmark: BenchmarkReport | null, phases: Report['phases']): Report {
  return {
    schemaVersion: 1,
    session: session.id,
    startedAt: isoTime(startedAt),
    finishedAt: isoTime(clock.now()),
    benchmark,
    deaths: [],
    phases,
  };
}
