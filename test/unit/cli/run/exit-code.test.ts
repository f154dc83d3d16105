import { describe, expect, it } from 'vitest';
import { StartError } from '../../../../src/benchmark/start-error';
import { type CommandOutcome, exitCodeFor } from '../../../../src/cli/run/exit-code';

const ended = (exitCode: number): CommandOutcome => ({
  kind: 'ended',
  result: { exitCode, signal: null, timedOut: false, interruptedBy: null, durationMs: 1, survivors: [] },
  run: null,
  deaths: [],
});
const notStarted = (code: string): CommandOutcome => ({
  kind: 'not-started',
  error: new StartError('shell', 'no', { cause: Object.assign(new Error('no'), { code }) }),
});

describe('the exit code of a run', () => {
  it.each([
    ['the command’s own', ended(0), false, 0],
    ['the command’s own, also where something is left', ended(3), true, 3],
    ['1 where the command succeeds and something is left', ended(0), true, 1],
    ['1 where the command was not started', { kind: 'skipped' } as const, false, 1],
    ['a shell’s for a command that is not there', notStarted('ENOENT'), false, 127],
    ['a shell’s for a command that may not be executed', notStarted('EACCES'), false, 126],
  ])('is %s', (_, outcome, isFailure, code) => {
    expect(exitCodeFor(outcome, undefined, isFailure)).toBe(code);
  });

  it('tells the signal that ended it, whatever else there is', () => {
    expect(exitCodeFor(ended(3), 'SIGTERM', true)).toBe(128 + 15);
  });
});
