import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runProgram } from '../../../src/action/run-program';
import { until } from '../../support/until';

const NEVER = new AbortController().signal;
const node = (script: string, signal: AbortSignal = NEVER, env?: Readonly<Record<string, string>>) =>
  runProgram(process.execPath, ['-e', script], { signal, ...(env ? { env } : {}) });

describe('a program that is run for its output', () => {
  it('is waited for, and returns its output and exit code', async () => {
    const result = await node('process.stdout.write("höre"); process.stderr.write("trouble"); process.exitCode = 3');

    expect(result).toEqual({ exitCode: 3, stdout: 'höre', stderr: 'trouble' });
  });

  it('gets its arguments as they are: there is no shell', async () => {
    const args = ['a b', '$HOME', '`id`', '"quoted"', '*', '', ';exit 7'];

    const { stdout } = await runProgram(
      process.execPath,
      ['-e', 'process.stdout.write(JSON.stringify(process.argv.slice(1)))', '--', ...args],
      { signal: NEVER },
    );

    expect(JSON.parse(stdout)).toEqual(args);
  });

  it('is found in PATH by its name, and may have blanks and quotes in its path', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'run program '));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, 'the "program" it');
    await writeFile(path, '#!/bin/sh\necho "it ran"\n');
    await chmod(path, 0o755);

    expect(await runProgram('sh', ['-c', 'echo found'], { signal: NEVER })).toMatchObject({ stdout: 'found\n' });
    expect(await runProgram(path, [], { signal: NEVER })).toMatchObject({ exitCode: 0, stdout: 'it ran\n' });
  });

  it('reads an empty standard input', async () => {
    expect(await runProgram('cat', [], { signal: NEVER })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('gets the environment that it is given', async () => {
    const { stdout } = await node('process.stdout.write(process.env.WORD ?? "")', NEVER, { WORD: 'given' });

    expect(stdout).toBe('given');
  });

  it('that a signal ends has the exit code of a shell', async () => {
    expect((await node('process.kill(process.pid, "SIGKILL")')).exitCode).toBe(137);
  });

  it('that does not exist is an error that names it', async () => {
    await expect(runProgram('no-such-program', [], { signal: NEVER })).rejects.toThrow('no-such-program');
  });

  it.each([
    ['honours SIGTERM', 'setInterval(() => undefined, 1000)'],
    ['ignores SIGTERM', 'process.on("SIGTERM", () => undefined); setInterval(() => undefined, 1000)'],
  ])('and %s ends when the signal aborts', async (_, script) => {
    const directory = await mkdtemp(join(tmpdir(), 'run-program-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const pidFile = join(directory, 'pid');
    const abort = new AbortController();
    const pid = async () => Number(await readFile(pidFile, 'utf8').catch(() => ''));

    const ended = node(`${script}; require('fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid))`, abort.signal);
    ended.catch(() => undefined);
    await until('it runs', async () => (await pid()) > 0);
    abort.abort(new Error('no more time'));

    await expect(ended).rejects.toThrow('no more time');
    const running = await pid();
    expect(() => process.kill(running, 0)).toThrow('ESRCH');
  });

  it('is not started when the signal has aborted already', async () => {
    await expect(node('', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });

  it('is ended alone: another that runs at the same time goes on', async () => {
    const abort = new AbortController();
    const slow = 'setTimeout(() => process.stdout.write("done"), 300)';
    const [first, second] = [node(slow, abort.signal), node(slow)];
    first.catch(() => undefined);
    abort.abort(new Error('only this one'));

    await expect(first).rejects.toThrow('only this one');
    expect(await second).toMatchObject({ stdout: 'done' });
  });
});
