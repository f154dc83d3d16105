import { describe, expect, it, test } from 'vitest';
import { IncompleteLog, type LogStream } from '../../../../../src/core/container-source';
import { GAP } from '../../../../../src/providers/docker/logs/joint';
import { KEPT } from '../../../../../src/providers/docker/logs/live-stream';
import { joined } from '../../../../../src/providers/docker/logs/logs';
import { breaking, Feed, lines, piece, stream, taken, textIn, whole } from '../../../../support/engine/log-streams';
import { until } from '../../../../support/until';

/** What comes of a container: live, and what its log holds each time that it is asked for. */
function together(
  live: LogStream | Promise<LogStream>,
  logs: readonly (LogStream | Error | (() => LogStream))[],
  { phase = 'running', signal = new AbortController().signal }: { phase?: 'waiting' | 'running'; signal?: AbortSignal } = {},
): LogStream {
  let asked = 0;
  const openLog = async () => {
    const log = logs[Math.min(asked, logs.length - 1)];
    asked += 1;
    if (log === undefined || log instanceof Error) throw log;
    return typeof log === 'function' ? log() : log;
  };
  return joined(async () => live, openLog, phase, signal);
}

describe('a container that has not started when its log is asked for', () => {
  it('is heard live', async () => {
    expect(await taken(together(stream('one', 'two'), [() => stream()]))).toEqual(whole('onetwo'));
  });

  it('and starts before it can be heard live has all of its log', async () => {
    const late = Promise.withResolvers<LogStream>();
    const all = taken(together(late.promise, [stream(), stream('one\n', 'two\n')]));
    late.resolve(stream('two\n'));

    expect(await all).toEqual(whole('one\ntwo\n'));
  });

  it('is heard live to the last byte, however much comes at once', async () => {
    const live = new Feed();
    const log = new Feed().send('end', 'end');
    const all = taken(together(live.stream(), [() => log.stream()]));
    await until('nothing was in its log when it was heard', async () => log.ends === 2);
    const much = lines(0, 10_000);
    live.send(much, 'end');

    expect(await all).toEqual(whole(much));
  });

  it('and writes more than is kept before it is asked has a line where something is missing', async () => {
    const log = new Feed();
    const live = new Feed();
    const much = lines(0, 200_000);
    live.send(much, 'the end', 'end');
    const all = taken(together(live.stream(), [() => log.stream()]));
    await until('all is heard', async () => live.taken === 2);
    log.send('end', 'end');

    expect(await all).toEqual({ text: `${GAP}${`${much}the end`.slice(-KEPT.most)}`, error: expect.any(IncompleteLog) });
  });

  it('is asked for again after a pause, until it can be heard', async () => {
    const late = Promise.withResolvers<LogStream>();
    setTimeout(() => late.resolve(stream('one')), 20);
    let asked = 0;
    const log = () => {
      asked += 1;
      return stream();
    };

    expect(await taken(together(late.promise, [log]))).toEqual(whole('one'));
    expect(asked).toBe(2);
  });
});

describe('a container that runs when its log is asked for', () => {
  it('has all of its log, and nothing twice', async () => {
    expect(await taken(together(stream('two'), [stream('one', 'two')]))).toEqual(whole('onetwo'));
  });

  it('has its two streams in the order of the log', async () => {
    const both = async function* () {
      yield [piece('out\n'), piece('err\n', 'stderr'), piece('out again\n')];
    };

    expect(await taken(together(both(), [both()]))).toEqual(whole('out\nerr\nout again\n'));
  });

  it('has nothing twice though its streams were heard in another order', async () => {
    const out = lines(0, 10_000);
    const log = async function* () {
      yield [piece('fatal\n', 'stderr'), piece(out)];
    };
    const live = async function* () {
      yield [piece(out), piece('fatal\n', 'stderr')];
    };

    expect(await taken(together(live(), [log()]))).toEqual(whole(`fatal\n${out}`));
  });

  it.each(['é', '漢字', '│ ─ '])('and writes much %s has all of it once', async (text) => {
    const all = `${text.repeat(50)}\n`.repeat(1_000);

    expect(await taken(together(stream(all), [stream(all)]))).toEqual(whole(all));
  });
});

describe('a log that ends before its container', () => {
  it('goes on with what was heard', async () => {
    expect(await taken(together(stream(lines(0, 50), lines(50, 100)), [stream(lines(0, 60))]))).toEqual(whole(lines(0, 100)));
  });

  it('goes on with what was heard from the middle of a line on', async () => {
    expect(await taken(together(stream(lines(20, 100).slice(3)), [stream(lines(0, 60))]))).toEqual(whole(lines(0, 100)));
  });

  it('goes on with all that comes after, however much', async () => {
    const live = new Feed().send(lines(0, 90));
    const log = new Feed().send(lines(0, 100), 'end');
    const all = taken(together(live.stream(), [() => log.stream()]));
    await until('the log is over', async () => log.ends === 1);
    live.send(lines(90, 110), lines(110, 20_000), 'end');

    expect(await all).toEqual(whole(lines(0, 20_000)));
  });

  it('goes on where the last of what was heard begins', async () => {
    const all = lines(0, 200_000);
    const live = new Feed().send(all, 'end');
    const log = new Feed();
    const both = taken(together(live.stream(), [() => log.stream()]));
    await until('all is heard', async () => live.taken === 1);
    log.send(all.slice(0, all.length - KEPT.most + 100), 'end');

    expect(await both).toEqual(whole(all));
  });

  it('has a line where something is missing, then its end, and says so', async () => {
    const all = lines(0, 200_000);
    const live = new Feed().send(all, 'end');
    const log = new Feed();
    const both = taken(together(live.stream(), [() => log.stream()]));
    await until('all is heard', async () => live.taken === 1);
    log.send(`${lines(0, 100)}unfin`, 'end');

    expect(await both).toEqual({
      text: `${lines(0, 100)}unfin\n${GAP}${all.slice(-KEPT.most)}`,
      error: expect.any(IncompleteLog),
    });
  });

  it('goes on where it ended, though its end comes again', async () => {
    const again = `${'x'.repeat(40)}\n`;

    expect(await taken(together(stream(`a\n${again}b\n${again}c\n`), [stream(`a\n${again}`)]))).toEqual(
      whole(`a\n${again}b\n${again}c\n`),
    );
  });

  it('and never meets what is heard is given up while that goes on', async () => {
    const live = new Feed();
    const log = new Feed().send(lines(0, 100), 'end');
    let text = '';
    const reading = (async () => {
      for await (const pieces of together(live.stream(), [() => log.stream()])) text += textIn(pieces);
    })();
    await until('the log is over', async () => log.ends === 1);
    live.send(lines(1_000, 150_000));
    await until('it is given up', async () => text.includes(GAP));
    live.send('the end', 'end');

    await expect(reading).rejects.toBeInstanceOf(IncompleteLog);
    expect(text).toBe(`${lines(0, 100)}${GAP}${lines(1_000, 150_000).slice(-KEPT.most)}the end`);
  });

  it('and is shorter than chance goes on where it ended', async () => {
    expect(await taken(together(stream('a\nb\nc\n'), [stream('a\n')]))).toEqual(whole('a\nb\nc\n'));
  });

  it('and has nothing of one stream goes on with all of it', async () => {
    const live = async function* () {
      yield [piece(lines(0, 10)), piece('fatal\n', 'stderr')];
    };

    expect(await taken(together(live(), [stream(lines(0, 9))]))).toEqual(whole(`${lines(0, 10)}fatal\n`));
  });

  it('and breaks off is whole with what was heard', async () => {
    expect(await taken(together(stream(lines(20, 100)), [breaking(lines(0, 60))]))).toEqual(whole(lines(0, 100)));
  });

  it('and breaks off with what was heard ends with the error', async () => {
    expect(await taken(together(breaking(lines(20, 70)), [breaking(lines(0, 60))]))).toEqual({
      text: lines(0, 70),
      error: new Error('the connection broke'),
    });
  });

  it('and is given up while more is heard ends with the error', async () => {
    const live = new Feed().send(lines(0, 70));
    const log = new Feed().send(lines(0, 60), 'end');
    const given = taken(together(live.stream(), [() => log.stream()]));
    await until('both were taken', async () => live.taken === 1 && log.taken === 1);
    live.send(new Error('aborted'));

    expect(await given).toEqual({ text: lines(0, 70), error: new Error('aborted') });
  });
});

describe('a log that is whole', () => {
  it.each([
    ['broke off before', breaking(lines(1, 5))],
    ['was refused', undefined],
  ])('is so though what was heard %s', async (_, live) => {
    const refused = Promise.reject<LogStream>(new Error('it has ended'));
    refused.catch(() => undefined);

    expect(await taken(together(live ?? refused, [stream(lines(0, 100))]))).toEqual(whole(lines(0, 100)));
  });

  it('is so though nobody ends what was heard', async () => {
    const live = new Feed().send(lines(0, 100));
    const log = new Feed().send(lines(0, 100), 'end');
    const all = taken(together(live.stream(), [() => log.stream()]));
    await until('both were taken', async () => live.taken === 1 && log.taken === 1);
    live.send(new Error('aborted'));

    expect(await all).toEqual(whole(lines(0, 100)));
  });
});

describe('what the log has instead of bytes that are no text', () => {
  const live = async function* () {
    yield [piece(Buffer.from([0x61, 0xff, 0xfe, 0x0a])), piece(lines(0, 10))];
  };

  it.each(['a\uFFFD\uFFFD\n', 'a\uFFFD\n'])('is known for what it is: %j', async (text) => {
    expect(await taken(together(live(), [stream(text + lines(0, 3))]))).toEqual(whole(text + lines(0, 10)));
  });
});

describe('a container whose log can’t be had', () => {
  it('is heard live', async () => {
    expect(await taken(together(stream('one'), [new Error('no such log')], { phase: 'waiting' }))).toEqual(whole('one'));
  });

  it('and that has been running has a line in the place of its beginning', async () => {
    const late = Promise.withResolvers<LogStream>();
    const all = taken(together(late.promise, [new Error('no such log')]));
    setImmediate(() => late.resolve(stream('one')));

    expect(await all).toEqual({ text: `${GAP}one`, error: expect.any(IncompleteLog) });
  });

  it('and that can’t be heard either has nothing, not even a line of ours', async () => {
    const refused = Promise.reject<LogStream>(new Error('no such container'));
    refused.catch(() => undefined);

    expect(await taken(together(refused, [new Error('no such log')]))).toEqual({
      text: '',
      error: new Error('no such container'),
    });
  });

  it('nor be heard live has the reason', async () => {
    const refused = Promise.reject<LogStream>(new Error('no such container'));
    refused.catch(() => undefined);

    expect(await taken(together(refused, [new Error('no such log')], { phase: 'waiting' }))).toEqual({
      text: '',
      error: new Error('no such container'),
    });
  });
});

describe('when nobody wants a log any more', () => {
  test.each([
    ['while its log comes', new Feed().send('one'), new Feed().send('one')],
    ['while it is heard', new Feed().send('one'), new Feed().send('one', 'end')],
    ['while it is heard alone', new Feed().send('one'), new Feed().send('end', 'end', 'end')],
  ])('%s, both connections end', async (_, live, log) => {
    const control = new AbortController();
    const all = taken(
      joined(
        async (signal) => live.stream(signal),
        async (signal) => log.stream(signal),
        'running',
        control.signal,
      ),
    );
    await until('what there is was taken', async () => live.taken === 1);
    control.abort(new Error('aborted'));

    expect(await all).toMatchObject({ text: 'one' });
  });

  test('while its log does not come, what was heard is there', async () => {
    const control = new AbortController();
    const live = new Feed().send('one');
    const all = taken(
      joined(
        async (signal) => live.stream(signal),
        async (signal) => new Feed().stream(signal),
        'waiting',
        control.signal,
      ),
    );
    await until('it was heard', async () => live.taken === 1);
    control.abort(new Error('aborted'));

    expect(await all).toEqual({ text: 'one', error: new Error('aborted') });
  });

  test('and it is left in the middle, both connections are closed', async () => {
    const signals: AbortSignal[] = [];
    const open = async (signal: AbortSignal) => {
      signals.push(signal);
      return stream('one', 'two');
    };
    for await (const _ of joined(open, open, 'running', new AbortController().signal)) break;

    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});
