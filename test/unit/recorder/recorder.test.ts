import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/core/resource';
import { ByteBudget } from '../../../src/lib/byte-budget';
import { systemClock } from '../../../src/lib/clock';
import type { Death, LogsWanted } from '../../../src/recorder/deaths';
import { SEAM } from '../../../src/recorder/logs/log-follower';
import { redactor } from '../../../src/recorder/logs/redactor';
import { Recorder } from '../../../src/recorder/recorder';
import { MemorySource } from '../../support/recorder/memory-source';
import { until } from '../../support/until';

const MIB = 2 ** 20;
const OURS = { labels: { owner: 'us' } };
const AUTO_REMOVE = { ...OURS, autoRemove: true };

let source: MemorySource;
let directory: string;
let recorder: Recorder;

beforeEach(async () => {
  source = new MemorySource();
  directory = await mkdtemp(join(tmpdir(), 'cleanup-recorder-'));
});
afterEach(async () => {
  await recorder.finish(AbortSignal.abort());
  await rm(directory, { recursive: true });
});

async function record(logs: LogsWanted = 'failed', logsLimit = 200 * MIB): Promise<void> {
  const place = { directory, limit: 10 * MIB, space: new ByteBudget(logsLimit), redactor: redactor([]) };
  const owned = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) => labels['owner'] === 'us';
  recorder = new Recorder({ source, owned, logs, place, clock: systemClock });
  await recorder.start();
}

const finish = () => recorder.finish(AbortSignal.timeout(20_000));

/** The log’s lines without their times. */
async function logOf({ log }: Death | undefined = { log: { file: null } } as Death): Promise<readonly string[]> {
  if (log.file === null) throw new Error(`there is no log: ${log.reason}`);
  const lines = (await readFile(log.file, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => line.slice(line.indexOf(' ') + 1));
}

const attached = (times: number) => until(`${times} are attached`, () => source.attaches === times);
/** Lets go on what waits for nothing. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('a container that ends and is removed by another', () => {
  it('has its log, though it does not remove itself', async () => {
    await record();
    source.create('a', OURS);
    await attached(1);
    source.start('a');
    source.write('a', 'fatal\n');
    source.die('a', 3);
    source.remove('a');

    const [death] = await finish();
    expect(death).toMatchObject({ exitCode: 3, asked: false, log: { status: 'kept', tail: ['fatal'] } });
  });

  it.each([137, 143, 1])('because it was asked to, is told so, with its exit code %i and its log', async (exitCode) => {
    await record();
    source.create('a', OURS);
    await attached(1);
    source.start('a');
    source.write('a', 'last words\n');
    source.ask('a');
    source.die('a', exitCode);
    source.remove('a');

    const [death] = await finish();
    expect(death).toMatchObject({ exitCode, asked: true, log: { status: 'kept', tail: ['last words'] } });
  });

  it('was not asked where only an earlier run was', async () => {
    await record();
    source.create('a', OURS);
    source.start('a');
    source.ask('a');
    source.die('a', 143);
    await settle();
    source.start('a');
    source.die('a', 3);

    expect(await finish()).toMatchObject([
      { exitCode: 143, asked: true },
      { exitCode: 3, asked: false },
    ]);
  });

  it('leaves no file where its log is not wanted', async () => {
    await record();
    source.create('a', OURS);
    await attached(1);
    source.start('a');
    source.write('a', 'all is well\n');
    source.die('a', 0);
    source.remove('a');

    expect(await finish()).toMatchObject([{ exitCode: 0, log: { status: 'unwanted' } }]);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a log that is followed', () => {
  it('from before the start has all lines, and no line of ours', async () => {
    await record();
    source.create('a', AUTO_REMOVE);
    await attached(1);
    await settle();
    source.start('a');
    source.write('a', 'one\ntwo\n');
    source.die('a', 3);

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['one', 'two']);
    expect(death?.log.reason).toBeNull();
  });

  it('from the middle on has what is there, a line of ours, and what comes', async () => {
    source.create('a', AUTO_REMOVE);
    source.start('a');
    source.write('a', 'one\n');
    await record();
    await attached(1);
    await settle();
    source.write('a', 'two\n');
    source.die('a', 3);

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['one', SEAM, 'two']);
    expect(death?.log).toMatchObject({ reason: null, tail: ['one', SEAM, 'two'] });
  });

  it('has the line of ours though nothing comes: the log may lag behind', async () => {
    source.create('a', AUTO_REMOVE);
    source.start('a');
    source.write('a', 'one\n');
    source.write('a', 'lost\n', { lag: true });
    await record();
    await attached(1);
    await settle();
    source.die('a', 3);

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['one', SEAM]);
  });

  it('and in which nothing was seen does not claim that nothing was written', async () => {
    source.create('a', AUTO_REMOVE);
    source.start('a');
    source.write('a', 'lost\n', { lag: true });
    await record();
    await attached(1);
    await settle();
    source.die('a', 3);

    expect(await finish()).toMatchObject([{ log: { status: 'gone', file: null } }]);
  });

  it('keeps the end of what comes while it is read, and says that a part is missing', async () => {
    source.create('a', AUTO_REMOVE);
    source.start('a');
    const read = Promise.withResolvers<void>();
    source.holdRead = read.promise;
    await record();
    await attached(1);
    for (let line = 0; line < 5_000; line += 1) source.write('a', `line ${line}\n`, { lag: true });
    await settle();
    read.resolve();
    source.die('a', 3);

    const [death] = await finish();
    const [seam, ...lines] = await logOf(death);
    expect(seam).toBe(SEAM);
    expect(lines.at(-1)).toBe('line 4999');
    expect(lines.length).toBeLessThan(5_000);
    expect(death?.log.reason).toBe('lines may be missing where the log says so');
  });

  it('and can’t be read has what comes, and says that a part is missing', async () => {
    source.create('a', AUTO_REMOVE);
    source.start('a');
    source.readError = new Error('the driver does not support reading');
    await record();
    await attached(1);
    await settle();
    source.write('a', 'two\n');
    source.die('a', 3);

    const [death] = await finish();
    expect(await logOf(death)).toEqual([SEAM, 'two']);
    expect(death?.log.reason).toBe('lines may be missing where the log says so');
  });

  it('of a container that is gone before it was attached has what was read at once', async () => {
    const late = Promise.withResolvers<void>();
    source.holdAttach = late.promise;
    await record();
    source.create('a', AUTO_REMOVE);
    source.start('a');
    source.write('a', 'one\n');
    await settle();
    source.die('a', 3);
    late.resolve();

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['one', SEAM]);
  });

  it('whose lines are cut by the line of ours has whole lines', async () => {
    source.create('a', AUTO_REMOVE);
    source.start('a');
    source.write('a', 'unfin');
    await record();
    await attached(1);
    await settle();
    source.write('a', 'ished\n');
    source.die('a', 3);

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['unfin', SEAM, 'ished']);
  });
});

describe('an engine that goes down while a log is followed', () => {
  it('and does not come back leaves a log that is not called whole', async () => {
    await record();
    source.create('a', AUTO_REMOVE);
    await attached(1);
    await settle();
    source.start('a');
    source.write('a', 'one\n');
    await settle();
    source.goDown();
    await until('it is noticed', () => recorder.trouble !== undefined);
    source.isDown = false;
    source.holdAttach = Promise.reject(new Error('refused'));
    source.holdAttach.catch(() => undefined);
    source.die('a', 3);

    const [death] = await finish();
    expect(death?.log.reason).not.toBeNull();
  });

  it('and comes back, with the container still running, has its log followed anew', async () => {
    await record();
    source.create('a', AUTO_REMOVE);
    await attached(1);
    await settle();
    source.start('a');
    source.write('a', 'one\n');
    await settle();
    source.goDown();
    await settle();
    source.write('a', 'two\n');
    source.isDown = false;
    await attached(2);
    await settle();
    source.write('a', 'three\n');
    source.die('a', 3);

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['one', 'two', SEAM, 'three']);
  });
});

describe('whose a container is', () => {
  it('is asked where an event does not show its labels', async () => {
    await record();
    source.create('a', { ...OURS, eventLabels: {} });
    source.start('a');
    await attached(1);
    await settle();
    source.die('a', 3);

    expect(await finish()).toMatchObject([{ exitCode: 3 }]);
  });

  it('is asked once: what is not owned is left alone', async () => {
    await record();
    source.create('a', { labels: { owner: 'another' } });
    source.start('a');
    source.die('a', 3);

    expect(await finish()).toEqual([]);
    expect(source.attaches).toBe(0);
  });
});

describe('an exit code', () => {
  it('that the event does not say is inspected', async () => {
    await record();
    source.create('a', OURS);
    source.start('a');
    await settle();
    source.die('a', 3, null);

    expect(await finish()).toMatchObject([{ exitCode: 3 }]);
  });

  it('that nothing says is unknown, not 0', async () => {
    await record();
    source.create('a', AUTO_REMOVE);
    source.start('a');
    await settle();
    source.die('a', 0, null);

    expect(await finish()).toMatchObject([{ exitCode: null }]);
  });
});

describe('how many logs are followed', () => {
  it('is none where logs are not wanted', async () => {
    await record('none');
    source.create('a', OURS);
    source.start('a');
    await settle();
    source.die('a', 3);

    expect(await finish()).toMatchObject([{ exitCode: 3, log: { status: 'unwanted' } }]);
    expect(source.attaches).toBe(0);
  });

  it('has a limit, beyond which those are followed that are asked to end', async () => {
    source.maxFollowed = 1;
    await record();
    for (const id of ['a', 'b', 'c']) {
      source.create(id, OURS);
      source.start(id);
    }
    await attached(1);
    await settle();
    expect(source.attaches).toBe(1);

    source.write('c', 'last words\n');
    source.ask('c');
    await attached(2);
    await settle();
    source.die('c', 137);
    source.remove('c');
    const deaths = await finish();
    expect(deaths).toMatchObject([{ container: { id: 'c' }, asked: true, log: { status: 'kept', tail: ['last words'] } }]);
  });
});

describe('when logs-limit is reached', () => {
  const LINES = 'a line of a hundred characters, which is there to fill the log of a container until its end has come.\n'.repeat(
    10,
  );

  /** Lets a container write, and end. */
  async function end(id: string, exitCode: number, asked = false): Promise<void> {
    const before = source.attaches;
    source.create(id, OURS);
    await attached(before + 1);
    source.start(id);
    source.write(id, LINES);
    if (asked) source.ask(id);
    source.die(id, exitCode);
    source.remove(id);
    await until('its log is kept', async () => recorder.isRecorded({ ...OURS, id } as unknown as Resource));
  }

  it('the logs of containers that were asked to end make room for those of failures, the oldest first', async () => {
    await record('failed', 4_000);
    for (const id of ['a', 'b', 'c']) await end(id, 137, true);
    await end('failed-1', 3);
    await end('failed-2', 3);

    const deaths = await finish();

    const logs = new Map(deaths.map(({ container, log }) => [container.id, log]));
    expect(logs.get('failed-1')).toMatchObject({ status: 'kept', reason: null });
    expect(logs.get('failed-2')).toMatchObject({ status: 'kept', reason: null });
    expect(logs.get('a')).toMatchObject({ status: 'unwanted', file: null, reason: expect.stringContaining('needed the room') });
    const files = await readdir(directory);
    expect(files.length).toBe(deaths.filter(({ log }) => log.file !== null).length);
    expect(files.filter((name) => name.startsWith('failed-'))).toHaveLength(2);
  });

  it('those of failures make room for none, though the container was asked to end before', async () => {
    await record('failed', 3_000);
    source.create('a', OURS);
    await attached(1);
    source.start('a');
    source.write('a', 'stopped\n');
    source.ask('a');
    source.die('a', 137);
    await until('its log is kept', async () => recorder.isRecorded({ ...OURS, id: 'a' } as unknown as Resource));
    source.start('a');
    await attached(2);
    source.write('a', 'failed this time\n');
    source.die('a', 3);
    await end('b', 3);
    await end('c', 3);

    const deaths = await finish();

    const ofA = deaths.filter(({ container }) => container.id === 'a').map(({ asked, log }) => `${asked} ${log.status}`);
    expect(ofA.at(-1)).toBe('false kept');
    const files = await readdir(directory);
    expect(deaths.flatMap(({ log }) => (log.file ? [basename(log.file)] : [])).filter((name) => !files.includes(name))).toEqual(
      [],
    );
  });
});

describe('where following brings all of a log', () => {
  beforeEach(() => {
    source.attachBringsAll = true;
  });

  async function followed(): Promise<void> {
    await record();
    source.create('a', OURS);
    source.start('a');
    source.write('a', 'one\n');
    await attached(1);
    await settle();
  }

  const reset = new Error('the connection was reset');

  it.each([
    ['broke off', reset],
    ['ended before the container', 'ended'],
  ] as const)('what is still there is read whole, if following %s', async (_, how) => {
    await followed();
    source.breakLog('a', how);
    await settle();
    source.write('a', 'two\n');
    source.die('a', 3);

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['one', 'two']);
    expect(death?.log.reason).toBeNull();
  });

  it('what is gone is kept as far as it was followed', async () => {
    await followed();
    source.breakLog('a', reset);
    await settle();
    source.die('a', 3);
    source.remove('a');

    const [death] = await finish();
    expect(await logOf(death)).toEqual(['one']);
    expect(death?.log.reason).toBe('it broke off: the connection was reset');
  });

  it('a log is followed again after a break, although as many as may be were followed', async () => {
    source.maxFollowed = 1;
    await followed();
    source.goDown();
    await until('the recorder has noticed', () => recorder.trouble !== undefined);
    source.isDown = false;

    await attached(2);
  });
});

it('a container whose start failed, and that was started after all, has one end', async () => {
  await record();
  source.create('a', OURS);
  source.failStart('a', 'no such image');
  await until('it is inspected', () => source.inspections > 0);
  await settle();
  source.start('a');
  source.die('a', 4);

  expect(await finish()).toMatchObject([{ exitCode: 4, log: { status: 'empty' } }]);
});

it.each([
  ['asked about once where events may hide a label', undefined, 1],
  ['not asked about where events have all labels', true, 0],
] as const)('a container of others is %s', async (_, all, times) => {
  if (all) source.labelsInEvents = true;
  await record();
  source.create('theirs');
  source.start('theirs');
  source.create('ours', OURS);
  await attached(1);
  await settle();
  const ofOurs = 2;

  expect(source.inspections - ofOurs).toBe(times);
});
