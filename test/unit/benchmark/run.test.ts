import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runBenchmark } from '../../../src/benchmark/run';
import { systemClock } from '../../../src/lib/clock';
import { BenchmarkProcess } from '../../support/job/benchmark-process';

/**
 * Programs that the script starts, or `perl` is told to be. Each adds a byte to the file named `$MARK` when it is ready; the name in
 * their command lines is how a test finds them.
 */
const program = (perl: string) => `perl -MPOSIX -e '${perl}' $MARK`;
const READY = 'open my $mark, ">>", $ARGV[0]; syswrite $mark, "x"; close $mark;';
const DEAFEN = '$SIG{$_} = "IGNORE" for qw(INT TERM HUP);';
const SLEEPER = program(`${READY} sleep 1000`);
const DEAF = program(`${DEAFEN} ${READY} sleep 1000`);
/** Every 20 ms another process, in a session of its own, whose parent has ended. For a minute: should a test fail, it must not go on for ever. */
const RUNAWAY = program(`${DEAFEN} ${READY} for (1 .. 3000) { exit if fork; setsid(); select undef, undef, undef, 0.02 }`);
/** It reaps no child, has left the session and cleared its environment: it is not found, and its child is a zombie of the group. */
const LOST = `env -i PATH="$PATH" ${program(`fork or exit; setsid(); close STDOUT; close STDERR; ${READY} sleep 1000`)} &`;

/** For scripts: waits until a program is ready. */
const WAIT = 'until [ -s $MARK ]; do sleep 0.02; done';
const IGNORING = 'trap "" INT TERM HUP';
const doubleForked = (command: string) => `( setsid ${command} & )`;

/** A deaf one, that has all the time in the world but for this process's. */
const IN_A_HURRY = { graceMs: 60_000, maxWhenCancelledMs: 5_000 };

describe('a benchmark that is cancelled', { timeout: 30_000 }, () => {
  it('is away in time with all it started, though nothing of it listens and its grace period is long', async () => {
    const run = new BenchmarkProcess(`${IGNORING}; ${DEAF} & ${doubleForked(DEAF)}; ${DEAF}`, IN_A_HURRY);
    await run.ready(3);

    expect(await run.endWith('SIGINT')).toBeLessThan(5_500);

    expect(await run.left()).toEqual([]);
    expect(await run.result).toMatchObject({ exitCode: 137, signal: 'SIGKILL', interruptedBy: 'SIGINT', survivors: [] });
  });

  it('has its grace period when that is short', async () => {
    const run = new BenchmarkProcess(`${IGNORING}; ${DEAF}`, { graceMs: 100 });
    await run.ready(1);

    expect(await run.endWith('SIGINT')).toBeLessThan(2_500);
  });

  it('is killed at the second signal, and so is all it started', async () => {
    const run = new BenchmarkProcess(`${IGNORING}; ${doubleForked(DEAF)}; ${DEAF}`, { graceMs: 60_000 });
    await run.ready(2);

    expect(await run.endWith('SIGINT', 'SIGTERM')).toBeLessThan(2_500);

    expect(await run.left()).toEqual([]);
    expect(await run.result).toMatchObject({ exitCode: 137 });
  });

  it('has all of its grace period where nobody is in a hurry', async () => {
    const run = new BenchmarkProcess(`trap 'sleep 4; exit 5' INT; ${SLEEPER} & wait`, { graceMs: 60_000 });
    await run.ready(1);

    await run.endWith('SIGINT');

    expect(await run.result).toMatchObject({ exitCode: 5, signal: null });
  });

  it('by the same signal twice at once was cancelled once: npx passes on what its child has had already', async () => {
    const run = new BenchmarkProcess(`trap 'sleep 0.5; exit 5' INT; ${SLEEPER} & wait`, { graceMs: 60_000 });
    await run.ready(1);

    await run.endWith('SIGINT', 'SIGINT');

    expect(await run.result).toMatchObject({ exitCode: 5, signal: null });
  });

  it('gets the signal itself, and has the exit code it chooses', async () => {
    const run = new BenchmarkProcess(`trap 'echo told; exit 5' INT; ${SLEEPER} & wait`);
    await run.ready(1);

    await run.endWith('SIGINT');

    expect(String(await run.output)).toBe('told\n');
    expect(await run.result).toMatchObject({ exitCode: 5, signal: null });
  });

  it('when its time is up already, does not get more of it', async () => {
    const run = new BenchmarkProcess(`${IGNORING}; trap 'echo told' TERM; ${DEAF} & while :; do wait; done`, {
      graceMs: 4_000,
      timeoutMs: 300,
    });
    run.process.stdout?.once('data', () => setTimeout(() => run.process.kill('SIGINT'), 3_000));

    const { durationMs } = await run.result;

    // 4.3 s, not 7.3.
    expect(durationMs).toBeLessThan(6_000);
  });
});

describe('what a benchmark leaves behind', { timeout: 30_000 }, () => {
  it.each([
    ['in its process group', `${SLEEPER} &`],
    ['in its process group, without its environment', `env -i ${SLEEPER} &`],
    ['in a process group of a job of its shell, without its environment', `set -m; env -i ${SLEEPER} &`],
    ['in a session of its own', `setsid ${SLEEPER} &`],
    ['forked twice', doubleForked(SLEEPER)],
    ['forked twice, and deaf', doubleForked(DEAF)],
    ['stopped', `${SLEEPER} & ${WAIT}; kill -STOP $!`],
    ['always another process', doubleForked(RUNAWAY)],
  ])('%s is ended, and the exit code is the benchmark’s', async (_, script) => {
    const run = new BenchmarkProcess(`${script}\n${WAIT}\nexit 3`, { graceMs: 300 });

    expect(await run.result).toMatchObject({ exitCode: 3, survivors: [] });

    expect(await run.left()).toEqual([]);
  });

  it('may end by itself in its grace period', async () => {
    // It is asked to end as soon as the script has ended: its trap must be there by then.
    const tidy = `sh -c 'trap "sleep 0.3; echo tidied; exit" TERM; printf x >> $MARK; while :; do sleep 0.1; done'`;
    const run = new BenchmarkProcess(`${doubleForked(tidy)}\n${WAIT}`, { graceMs: 60_000 });

    expect(String(await run.output)).toContain('tidied');
  });

  it('holds nothing up once it has ended, though nobody reaps it', async () => {
    const run = new BenchmarkProcess(`${LOST}\n${WAIT}`, { graceMs: 60_000 });

    expect(await run.result).toMatchObject({ exitCode: 0, survivors: [] });
    expect(await run.left()).toHaveLength(1);
  });

  it('is ended alone: another benchmark’s processes run on', async () => {
    const other = new BenchmarkProcess(`${doubleForked(SLEEPER)}; ${SLEEPER}`);
    await other.ready(2);

    await new BenchmarkProcess(`${doubleForked(SLEEPER)}\n${WAIT}`).result;

    expect(await other.left()).toHaveLength(2);
    await other.endWith('SIGTERM');
  });
});

it('a benchmark that must be ended before it runs is not started', async () => {
  const reason = new Error('a fault');
  const started: number[] = [];

  const result = runBenchmark({
    sessionId: 'none',
    command: { file: 'true', arguments: [] },
    workingDirectory: undefined,
    environment: process.env,
    timeoutMs: undefined,
    maxWhenCancelledMs: undefined,
    stdin: 'ignore',
    graceMs: 1_000,
    clock: systemClock,
    signals: { listen: () => () => undefined },
    signal: AbortSignal.abort(reason),
    onStarted: (group) => started.push(group),
  });

  await expect(result).rejects.toBe(reason);
  expect(started).toEqual([]);
});

describe('a benchmark’s output', { timeout: 60_000 }, () => {
  it('of any size does not fill memory', async () => {
    const quiet = await new BenchmarkProcess('true').result;
    const loud = new BenchmarkProcess('head -c 200M /dev/zero');

    expect((await loud.output).length).toBe(200 * 1024 * 1024);
    expect((await loud.result).peakMiB).toBeLessThan(quiet.peakMiB + 25);
  });

  it('comes through as it is, whatever bytes it has', async () => {
    const run = new BenchmarkProcess(`perl -e 'print map { chr } 0..255 for 1..1000'`);

    const expected = Buffer.concat(
      Array.from({ length: 1000 }, () => Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))),
    );
    expect(sha256(await run.output)).toBe(sha256(expected));
  });

  it('never fails to be written because main writes, too', async () => {
    const run = new BenchmarkProcess(
      `perl -e 'select undef, undef, undef, 0.5; syswrite(STDERR, "x" x 65536) == 65536 or exit 11 for 1..100'`,
      {
        laterError: true,
      },
    );

    expect(await run.result).toMatchObject({ exitCode: 0 });
    expect((await run.errors).length).toBeGreaterThan(100 * 65536);
  });

  it('that nobody reads any more ends it as it would anywhere', async () => {
    const run = new BenchmarkProcess('yes');
    run.process.stdout?.once('data', () => run.process.stdout?.destroy());
    run.output.catch(() => undefined);

    // `yes` ends by SIGPIPE, or with 1 where the test's pipe is a socket that still held something.
    expect((await run.result).exitCode).toBeOneOf([141, 1]);
  });
});

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
