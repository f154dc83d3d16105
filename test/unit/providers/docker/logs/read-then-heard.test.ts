import { describe, expect, it } from 'vitest';
import { IncompleteLog, type LogStream } from '../../../../../src/core/container-source';
import { GAP } from '../../../../../src/providers/docker/logs/joint';
import { readThenHeard, TWICE } from '../../../../../src/providers/docker/logs/logs';
import { Feed, stream, taken, whole } from '../../../../support/engine/log-streams';
import { until } from '../../../../support/until';

describe('a log that is read when what comes is heard', () => {
  const readAndHeard = (live: LogStream | Error, log: LogStream | Error) =>
    readThenHeard(
      async () => {
        if (live instanceof Error) throw live;
        return live;
      },
      async () => {
        if (log instanceof Error) throw log;
        return log;
      },
      new AbortController().signal,
    );
  const ended = Object.assign(new Error('you can only attach to running containers'), { statusCode: 409 });

  it('goes on with that, after a line that says so', async () => {
    expect(await taken(readAndHeard(stream('two\n', 'three\n'), stream('one\n', 'tw')))).toEqual(
      whole(`one\ntw\n${TWICE}two\nthree\n`),
    );
  });

  it('takes what comes while it is read', async () => {
    const live = new Feed().send('two\n');
    const log = new Feed().send('one\n');
    const all = taken(readAndHeard(live.stream(), log.stream()));
    await until('it is taken', async () => live.taken === 1);
    log.send('end');
    live.send('three\n', 'end');

    expect(await all).toEqual(whole(`one\n${TWICE}two\nthree\n`));
  });

  it('is all of it where the container has ended', async () => {
    expect(await taken(readAndHeard(ended, stream('one\n')))).toEqual(whole('one\n'));
  });

  it('is no more than what was heard where there was nothing yet', async () => {
    expect(await taken(readAndHeard(stream('one\n'), stream()))).toEqual(whole('one\n'));
  });

  it('and can’t be had leaves a gap', async () => {
    expect(await taken(readAndHeard(stream('two\n'), new Error('no such log')))).toEqual({
      text: `${GAP}two\n`,
      error: expect.any(IncompleteLog),
    });
  });

  it.each([
    ['has its own error where nothing was heard', stream(), new Error('no such log')],
    ['has its own error where the container has ended', ended, new Error('no such log')],
    ['is not had alone where what comes can’t be heard', new Error('no such log'), stream('one')],
  ])('%s', async (_, live, log) => {
    expect(await taken(readAndHeard(live, log))).toEqual({ text: '', error: new Error('no such log') });
  });
});
