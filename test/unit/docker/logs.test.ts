import { describe, expect, it } from 'vitest';
import { MEETING_BYTES } from '../../../src/docker/hearing';
import { joined, readThenHeard } from '../../../src/docker/logs';
import { LogGap, type LogPiece, type LogStream } from '../../../src/reaper/recordable';

const pieces = (text: string): readonly LogPiece[] => [{ stream: 'stdout', at: 'T', bytes: Buffer.from(text) }];

async function* stream(...texts: readonly string[]): AsyncGenerator<readonly LogPiece[]> {
  for (const text of texts) yield pieces(text);
}

/** What comes of a container: live, and what its log holds each time that it is asked for. */
async function taken(live: Promise<LogStream>, ...logs: readonly (LogStream | Error)[]): Promise<string> {
  let asked = 0;
  const openLog = async () => {
    const log = logs[Math.min(asked, logs.length - 1)];
    asked += 1;
    if (log === undefined || log instanceof Error) throw log;
    return log;
  };
  return textOf(joined(() => live, openLog, new AbortController().signal));
}

interface Taken {
  readonly text: string;
  readonly error: unknown;
}

function takenUntilError(live: Promise<LogStream>, log: LogStream): Promise<Taken> {
  return untilError(
    joined(
      () => live,
      async () => log,
      new AbortController().signal,
    ),
  );
}

async function untilError(log: LogStream): Promise<Taken> {
  let text = '';
  try {
    for await (const some of log) text += textIn(some);
  } catch (error) {
    return { text, error };
  }
  return { text, error: undefined };
}

async function textOf(log: LogStream): Promise<string> {
  let text = '';
  for await (const some of log) text += textIn(some);
  return text;
}

function textIn(some: readonly LogPiece[]): string {
  return some.map(({ bytes }) => Buffer.from(bytes).toString()).join('');
}

async function* breaking(...texts: readonly string[]): AsyncGenerator<readonly LogPiece[]> {
  yield* stream(...texts);
  throw new Error('the connection broke');
}

describe('a container that has not started when its log is asked for', () => {
  it('is heard live', async () => {
    expect(await taken(Promise.resolve(stream('one', 'two')), stream(), stream())).toBe('onetwo');
  });

  it('and starts before it can be heard live has all of its log', async () => {
    const late = Promise.withResolvers<LogStream>();
    setImmediate(() => late.resolve(stream('two')));
    expect(await taken(late.promise, stream(), stream('one', 'two'))).toBe('onetwo');
  });
});

describe('a container that runs when its log is asked for', () => {
  it('has all of its log, and nothing twice', async () => {
    expect(await taken(Promise.resolve(stream('two')), stream('one', 'two'))).toBe('onetwo');
  });
});

describe('a log that ends before its container', () => {
  const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('');

  it('goes on with what was heard', async () => {
    expect(await taken(Promise.resolve(stream(lines(0, 50), lines(50, 100))), stream(lines(0, 60)))).toBe(lines(0, 100));
  });

  it('goes on with what was heard from the middle of a line on', async () => {
    const heard = lines(20, 100).slice(3);

    expect(await taken(Promise.resolve(stream(heard)), stream(lines(0, 60)))).toBe(lines(0, 100));
  });

  it('goes on where the last of what was heard begins', async () => {
    const heard = lines(0, 10_000);
    const kept = heard.length - MEETING_BYTES;
    const log = heard.slice(0, kept + 100);

    expect(await taken(Promise.resolve(stream(heard)), stream(log))).toBe(heard);
  });

  it('has a line where something is missing, then its end, and says so', async () => {
    const heard = lines(0, 10_000);
    const log = `${lines(0, 100)}unfin`;
    const { text, error } = await takenUntilError(Promise.resolve(stream(heard)), stream(log));

    expect(error).toBeInstanceOf(LogGap);
    expect(text).toBe(`${log}\n[cleanup-action: something that was written here is missing]\n${heard.slice(-MEETING_BYTES)}`);
  });

  it('and breaks off is whole with what was heard', async () => {
    const log = breaking(lines(0, 60));

    expect(await taken(Promise.resolve(stream(lines(20, 100))), log)).toBe(lines(0, 100));
  });

  it('and breaks off with what was heard ends with the error', async () => {
    const { text, error } = await takenUntilError(Promise.resolve(breaking(lines(20, 70))), breaking(lines(0, 60)));

    expect(error).toMatchObject({ message: 'the connection broke' });
    expect(text).toBe(lines(0, 70));
  });
});

describe('a log that ends when what was heard has broken off', () => {
  const line = (number: number) => `line ${number} ${'x'.repeat(40)}\n`;

  it('is whole', async () => {
    expect(await taken(Promise.resolve(breaking(line(1))), stream(line(0), line(1), line(2)))).toBe(line(0) + line(1) + line(2));
  });

  it('goes on with what was heard to the end', async () => {
    expect(await taken(Promise.resolve(breaking(line(1), line(2))), stream(line(0), line(1)))).toBe(line(0) + line(1) + line(2));
  });
});

describe('what the log has instead of bytes that are no text', () => {
  it('is known for what it is', async () => {
    const heard = (async function* () {
      yield [{ stream: 'stdout', at: 'T', bytes: Buffer.from([0x61, 0xff, 0xfe, 0x0a]) } as const];
    })();

    expect(await taken(Promise.resolve(heard), stream('a\uFFFD\uFFFD\n'))).toBe('a\uFFFD\uFFFD\n');
  });
});

describe('two streams', () => {
  const both = (text: string): readonly LogPiece[] => [
    { stream: 'stdout', at: 'T', bytes: Buffer.from(`out ${text} ${'o'.repeat(40)}\n`) },
    { stream: 'stderr', at: 'T', bytes: Buffer.from(`err ${text} ${'e'.repeat(40)}\n`) },
  ];
  const streamOf = async function* (...texts: readonly string[]) {
    for (const text of texts) yield both(text);
  };

  it('each go on where the log has ended', async () => {
    expect(await taken(Promise.resolve(streamOf('1', '2', '3')), streamOf('1', '2'))).toBe(
      [...both('1'), ...both('2'), ...both('3')].map(({ bytes }) => bytes.toString()).join(''),
    );
  });
});

describe('a log that is read when what comes is heard', () => {
  const readAndHeard = (live: Promise<LogStream>, log: LogStream | Error) =>
    readThenHeard(
      () => live,
      async () => {
        if (log instanceof Error) throw log;
        return log;
      },
      new AbortController().signal,
    );
  const ended = Object.assign(new Error('you can only attach to running containers'), { statusCode: 409 });

  it('goes on with that, after a line that says so', async () => {
    expect(await textOf(readAndHeard(Promise.resolve(stream('two\n', 'three\n')), stream('one\n', 'tw')))).toBe(
      'one\ntw\n[cleanup-action: from here on as it was heard while it was written; some lines before may come again]\ntwo\nthree\n',
    );
  });

  it('is all of it where the container has ended', async () => {
    expect(await textOf(readAndHeard(Promise.reject(ended), stream('one\n')))).toBe('one\n');
  });

  it('is no more than what was heard where there was nothing yet', async () => {
    expect(await textOf(readAndHeard(Promise.resolve(stream('one\n')), stream()))).toBe('one\n');
  });

  it('and can’t be had leaves a gap', async () => {
    const { text, error } = await untilError(readAndHeard(Promise.resolve(stream('two\n')), new Error('no such log')));

    expect(text).toBe('[cleanup-action: something that was written here is missing]\ntwo\n');
    expect(error).toBeInstanceOf(LogGap);
  });

  it('has its own error where nothing was heard', async () => {
    await expect(textOf(readAndHeard(Promise.resolve(stream()), new Error('no such log')))).rejects.toThrow('no such log');
  });

  it('is not had alone where what comes can’t be heard', async () => {
    await expect(textOf(readAndHeard(Promise.reject(new Error('refused')), stream('one')))).rejects.toThrow('refused');
  });
});

describe('a container whose log can’t be had', () => {
  it('is heard live', async () => {
    expect(await taken(Promise.resolve(stream('one')), new Error('no such log'))).toBe('one');
  });

  it('nor be heard live has the reason', async () => {
    await expect(taken(Promise.reject(new Error('no such container')), new Error('no such log'))).rejects.toThrow(
      'no such container',
    );
  });
});
