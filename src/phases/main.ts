import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as core from '@actions/core';
import { type BenchmarkResult, runBenchmark } from '../benchmark/run';
import { shellCommand } from '../benchmark/shell';
import { type Config, parseConfig } from '../config/config';
import { savable } from '../config/saved';
import { readInputs } from '../github/inputs';
import { exportVariables, type SessionVariables, setOutputs } from '../github/outputs';
import { sessionDirectory, surroundings } from '../github/runner';
import { saveBenchmark, saveFound, saveMain } from '../github/state';
import { systemClock } from '../reaper/clock';
import type { Connection } from '../reaper/connection';
import { Deadline } from '../reaper/deadline';
import { plainLine } from '../report/escape';
import { writeReport } from '../report/json';
import { closingLines } from '../report/lines';
import { type BenchmarkReport, isoTime, type PhaseReport, type Report, removedIn } from '../report/model';
import { labelArgument, labelFile, newSession, type Session } from '../session/session';
import { annotate } from './annotate';
import { cleanUp } from './cleanup';
import { discoverProviders } from './providers';
import { selectBefore } from './selection';
import { writeSnapshot } from './snapshot';

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

  const pre = await preClean(config, session, directory, startedAt);
  if (pre === undefined) return;
  for (const line of closingLines(pre)) core.info(line);
  const variables = await announce(session, directory);
  const writeReports = async (benchmark: BenchmarkReport | null) => {
    const report = reportOf(session, startedAt, pre, benchmark);
    await writeReport(join(directory, MAIN_REPORT), report);
    await writeReport(config.reportPath, report);
  };
  setOutputs({ removed: removedIn(pre), failed: pre.totals.failed, report: config.reportPath });
  await writeReports(null);
  if (!annotate(pre, config, session.id)) return;
  if (config.run === undefined) return;

  const result = await benchmark(config.run, config, directory, variables);
  setOutputs({ 'exit-code': result.exitCode });
  await writeReports(benchmarkReport(config.run, result));
  process.exitCode = result.exitCode;
}

/** Main's own report, for post to take up; the one at report-path may be another use's of this action by then. */
export const MAIN_REPORT = 'main.json';

/** @returns undefined when a required provider is not there */
async function preClean(
  config: Config,
  session: Session,
  directory: string,
  startedAt: number,
): Promise<PhaseReport | undefined> {
  const deadline = new Deadline(clock, config.deadline);
  core.startGroup(`Pre-cleanup (${config.preCleanup})`);
  try {
    const connections = await discoverProviders(config, process.env, clock, deadline, {});
    saveFound(Object.fromEntries(connections.flatMap((found) => (found.status === 'ready' ? [[found.name, found.found]] : []))));
    const missing = connections.filter(({ status }) => status === 'unavailable');
    if (missing.length > 0) {
      core.setFailed(missing.map(requiredButMissing).join('\n'));
      return undefined;
    }
    if (config.scope === 'job') await writeSnapshot(directory, startedAt, connections, deadline);
    return await cleanUp({
      connections,
      selection: selectBefore(config, session.id, clock.now()),
      mode: config.dryRun ? { kind: 'plan' } : { kind: 'remove' },
      config,
      deadline,
      clock,
      log: core.info,
    });
  } finally {
    core.endGroup();
    deadline.dispose();
  }
}

function requiredButMissing(connection: Connection): string {
  const reason = connection.status === 'ready' ? '' : connection.reason;
  return plainLine(`${connection.name} is set to true, but there is ${reason}`);
}

/** Tells later steps, and the benchmark, with which label to mark what they start. */
async function announce(session: Session, directory: string): Promise<SessionVariables> {
  const file = join(directory, 'labels');
  await writeFile(file, labelFile(session));
  const label = labelArgument(session.id);
  const variables = { CLEANUP_SESSION_ID: session.id, CLEANUP_LABEL: label, CLEANUP_LABEL_FILE: file };
  exportVariables(variables);
  setOutputs({ 'session-id': session.id, label, 'label-file': file });
  core.info(`What carries the label ${label} is removed when this job ends.`);
  return variables;
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

function reportOf(session: Session, startedAt: number, pre: PhaseReport, benchmark: BenchmarkReport | null): Report {
  return {
    schemaVersion: 1,
    session: session.id,
    startedAt: isoTime(startedAt),
    finishedAt: isoTime(clock.now()),
    benchmark,
    deaths: [],
    phases: { pre, run: null, post: null },
  };
}
