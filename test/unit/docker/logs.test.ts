import { describe, expect, it } from 'vitest';
import { eitherOf } from '../../../src/docker/logs';
import type { LogPiece, LogStream } from '../../../src/reaper/recordable';

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
  let text = '';
  for await (const some of eitherOf(() => live, openLog, new AbortController().signal)) {
    for (const { bytes } of some) text += Buffer.from(bytes).toString();
  }
  return text;
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
