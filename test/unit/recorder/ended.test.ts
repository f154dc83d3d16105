import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ByteBudget } from '../../../src/lib/byte-budget';
import { systemClock } from '../../../src/lib/clock';
import type { LogsWanted } from '../../../src/recorder/deaths';
import { recordEnded } from '../../../src/recorder/ended';
import { redactor } from '../../../src/recorder/logs/redactor';
import { MemorySource } from '../../support/recorder/memory-source';

let source: MemorySource;
let directory: string;

beforeEach(async () => {
  source = new MemorySource();
  directory = await mkdtemp(join(tmpdir(), 'cleanup-ended-'));
  for (const id of ['runs', 'failed', 'another']) {
    source.create(id, { labels: { owner: id === 'another' ? 'others' : 'us' } });
    source.start(id);
    source.write(id, `${id}\n`);
  }
  for (const id of ['failed', 'another']) source.die(id, 3);
});
afterEach(() => rm(directory, { recursive: true }));

function record(logs: LogsWanted) {
  const place = { directory, limit: 2 ** 20, space: new ByteBudget(2 ** 20), redactor: redactor([]) };
  const owned = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) => labels['owner'] === 'us';
  const signal = AbortSignal.timeout(10_000);
  return recordEnded({ source, owned, logs, place, clock: systemClock, signal, isRecorded: () => false });
}

describe('before a removal', () => {
  it('only what has ended is inspected', async () => {
    const inspect = vi.spyOn(source, 'inspect');
    const deaths = await record('failed');

    expect(deaths).toMatchObject([{ container: { id: 'failed' }, exitCode: 3, log: { status: 'kept' } }]);
    expect(inspect.mock.calls.map(([{ id }]) => id)).toEqual(['failed']);
    expect(await readdir(directory)).toHaveLength(1);
  });

  it('with logs: all, what still runs has its log kept, too', async () => {
    const deaths = await record('all');

    expect(deaths).toHaveLength(1);
    expect((await readdir(directory)).map((name) => name.split('-')[0]).toSorted()).toEqual(['failed', 'runs']);
  });
});
