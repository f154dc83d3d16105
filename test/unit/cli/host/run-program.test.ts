import { describe, expect, it } from 'vitest';
import { runProgram } from '../../../../src/cli/host/run-program';

const NEVER = new AbortController().signal;
const node = (script: string, signal: AbortSignal = NEVER) => runProgram(process.execPath, ['-e', script], { signal });

describe('a program that the command line runs for its output', () => {
  it('returns its output and exit code', async () => {
    const result = await node('process.stdout.write("höre"); process.stderr.write("trouble"); process.exitCode = 3');

    expect(result).toEqual({ exitCode: 3, stdout: 'höre', stderr: 'trouble' });
  });

  it('gets its arguments as they are, the environment that it is given, and an empty standard input', async () => {
    const env = { PATH: process.env['PATH'] ?? '', WORD: 'given' };

    const result = await runProgram('sh', ['-c', 'cat; echo "$WORD $1"', 'sh', '$HOME;*'], { signal: NEVER, env });

    expect(result).toEqual({ exitCode: 0, stdout: 'given $HOME;*\n', stderr: '' });
  });

  it('that a signal ends has the exit code of a shell', async () => {
    expect((await node('process.kill(process.pid, "SIGKILL")')).exitCode).toBe(137);
  });

  it('that does not exist is an error that names it', async () => {
    await expect(runProgram('no-such-program', [], { signal: NEVER })).rejects.toThrow('no-such-program');
  });

  it('ends when the signal aborts, with its reason', async () => {
    await expect(node('setInterval(() => undefined, 1000)', AbortSignal.timeout(300))).rejects.toThrow('timeout');
    await expect(node('', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });
});
