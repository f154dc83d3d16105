import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesWith } from '../../support/job/benchmark-process';
import { entryEnvironment, startEntry } from '../../support/job/entry';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'entry-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const errorsIn = (output: string) => output.split('\n').filter((line) => line.startsWith('::error'));
const FAULT = '(a fault in cleanup-action: please report it; the debug log says where it is)';

describe('a fault of our own in main', { timeout: 30_000 }, () => {
  it.each([
    ['timer', 'a timer ::warning::broke'],
    ['promise', 'a promise broke'],
  ])('(a %s) ends the benchmark with all it started, and is reported in one line', async (fault, message) => {
    const trigger = join(directory, 'trigger');
    const deaf = `perl -e '$SIG{TERM} = "IGNORE"; open F, ">>", $ARGV[0]; sleep 1000' ${trigger}`;

    const { exitCode, output } = await startEntry(
      'main',
      fault,
      entryEnvironment(directory, { run: `(setsid ${deaf} &); sleep 1000` }),
      trigger,
    ).ended;

    expect(exitCode).toBe(1);
    expect(errorsIn(output)).toEqual([`::error title=Fault::${message} ${FAULT}`]);
    expect((await processesWith(trigger)).filter((line) => line.includes('perl'))).toEqual([]);
  });

  it('shows no stack trace outside of the debug log', async () => {
    const { output } = await startEntry('main', 'timer', entryEnvironment(directory, { run: 'sleep 1000' })).ended;

    expect(output.split('\n').filter((line) => !line.startsWith('::debug::') && /\bat .*:\d+/.test(line))).toEqual([]);
    expect(output).toMatch(/^::debug::Error: a timer%0A.*faulty-entry/m);
  });
});

describe('a fault of our own in post', { timeout: 30_000 }, () => {
  it('does not keep it from its work, and is an error', async () => {
    const { exitCode, output } = await startEntry('post', 'timer', entryEnvironment(directory, { delay: '300ms' })).ended;

    expect(exitCode).toBe(1);
    expect(errorsIn(output)).toEqual([`::error title=Fault::a timer ::warning::broke ${FAULT}`]);
    expect(JSON.parse(await readFile(join(directory, 'cleanup-action/report.json'), 'utf8')).phases.post).not.toBeNull();
  });
});

describe('a phase', { timeout: 30_000 }, () => {
  it('that never comes to its end is an error, not a silent success', async () => {
    const { exitCode, output } = await startEntry('forgetful', 'none', entryEnvironment(directory)).ended;

    expect(exitCode).toBe(1);
    expect(errorsIn(output)).toEqual([`::error title=Fault::the process ended before its work was done ${FAULT}`]);
  });

  it('that throws is one line, and what runs beside it is told to stop', async () => {
    const { exitCode, output } = await startEntry('throwing beside others', 'none', entryEnvironment(directory)).ended;

    expect(exitCode).toBe(1);
    expect(errorsIn(output)).toEqual(['::error::expected trouble']);
  });

  it('goes on to its end when nobody reads its log any more', async () => {
    const done = join(directory, 'done');
    const entry = startEntry('main', 'none', entryEnvironment(directory, { run: `sleep 0.5; touch ${done}` }));
    entry.process.stdout?.once('data', () => entry.process.stdout?.destroy());

    expect((await entry.ended).exitCode).toBe(0);

    expect(JSON.parse(await readFile(join(directory, 'cleanup-action/report.json'), 'utf8')).benchmark).toMatchObject({
      exitCode: 0,
    });
  });
});
