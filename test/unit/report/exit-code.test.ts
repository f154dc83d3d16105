import { describe, expect, it } from 'vitest';
import { exitClassOf, exitMeaning } from '../../../src/report/exit-code';

describe('an exit code', () => {
  it.each([
    [0, '', 'success'],
    [1, '', 'error'],
    [124, '', 'error'],
    [125, 'the engine could not start it', 'not_started'],
    [126, 'the command can’t be executed', 'not_started'],
    [127, 'the command was not found', 'not_started'],
    [128, '', 'error'],
    [129, 'hung up (SIGHUP)', 'signal'],
    [130, 'interrupted (SIGINT)', 'signal'],
    [134, 'aborted itself (SIGABRT)', 'crashed'],
    [137, 'killed, or out of memory (SIGKILL)', 'killed'],
    [138, 'ended (SIGUSR1)', 'signal'],
    [139, 'segmentation fault (SIGSEGV)', 'crashed'],
    [143, 'terminated (SIGTERM)', 'signal'],
    [255, '', 'error'],
    [3_221_225_786, '', 'error'],
    [-1, '', 'error'],
    [null, 'not known', 'unknown'],
  ] as const)('%s means “%s”, and is of the class %s', (exitCode, meaning, exitClass) => {
    expect([exitMeaning({ exitCode }), exitClassOf({ exitCode })]).toEqual([meaning, exitClass]);
  });

  it.each([
    [128, 'StartError', null, 'not_started'],
    [null, 'ImagePullBackOff', null, 'not_started'],
    [null, 'Evicted', 5_000, 'error'],
    [137, 'Evicted', null, 'killed'],
  ] as const)('of %s with the reason %s, after %s ms, is of the class %s', (exitCode, reason, livedMs, exitClass) => {
    expect(exitClassOf({ exitCode, reason, livedMs })).toBe(exitClass);
  });

  it.each([137, 0, null])('of %s is of a class of its own where someone asked for the end', (exitCode) => {
    expect(exitClassOf({ exitCode, asked: true })).toBe('asked');
  });

  it.each([137, 1, null])('of %s is out of memory where the engine says so', (exitCode) => {
    const end = { exitCode, oomKilled: true };
    expect([exitMeaning(end), exitClassOf(end)]).toEqual(['out of memory', 'out_of_memory']);
  });
});
