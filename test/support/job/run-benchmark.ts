/**
 * Runs a benchmark as main does, and nothing else: for tests that signal it and read its output. Its argument is what to run, as
 * JSON; its result goes to file descriptor 3, so that standard output is the benchmark's alone.
 */
import { writeSync } from 'node:fs';
import { runBenchmark } from '../../../src/benchmark/run';
import { systemClock } from '../../../src/lib/clock';
import { ShutdownSignals } from '../../../src/lib/shutdown-signals';
import type { BenchmarkRun } from './benchmark-process';

const run: BenchmarkRun = JSON.parse(process.argv[2] ?? '');

void runBenchmark({
  sessionId: run.sessionId,
  command: { file: 'bash', arguments: ['-c', run.script] },
  workingDirectory: undefined,
  environment: process.env,
  timeoutMs: run.timeoutMs,
  graceMs: run.graceMs,
  maxWhenCancelledMs: run.maxWhenCancelledMs,
  stdin: 'ignore',
  clock: systemClock,
  signals: new ShutdownSignals(),
  signal: new AbortController().signal,
  onStarted() {
    if (run.laterError) setTimeout(() => process.stderr.write('said by main\n'), 100);
  },
}).then((result) => writeSync(3, JSON.stringify({ ...result, peakMiB: process.resourceUsage().maxRSS / 1024 })));
