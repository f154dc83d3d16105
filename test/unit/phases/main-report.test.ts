import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMainReport, writeMainReport } from '../../../src/phases/main-report';
import { scenarios } from '../../support/report/scenarios';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'main-report-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** All but the huge one, which has no other shapes. */
const { huge: _, ...others } = scenarios;
const written = Object.values(others).map((make) => make());

async function read(text: string) {
  await writeFile(join(directory, 'main.json'), text);
  return readMainReport(directory);
}

describe('main’s report', () => {
  it.each(written.map((report, index) => [index, report] as const))('is read as it was written (%i)', async (_, report) => {
    await writeMainReport(directory, report);
    const found = await readMainReport(directory);
    expect(found).toEqual({
      startedAt: report.startedAt,
      benchmark: report.benchmark,
      deaths: report.deaths,
      pre: report.phases.pre,
      run: report.phases.run,
      unreadable: [],
    });
  });

  it('is empty where there is none', async () => {
    expect(await readMainReport(join(directory, 'nowhere'))).toMatchObject({ benchmark: null, pre: null, unreadable: [] });
  });

  it.each(['', '{"phases":', '[]', 'null', '7'])('is empty where it is not a report: %j', async (text) => {
    expect(await read(text)).toMatchObject({ benchmark: null, deaths: [], pre: null, run: null, unreadable: ['all of it'] });
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['a benchmark', { benchmark: { command: 7 } }, 'the benchmark'],
    ['deaths', { deaths: [{ id: 'a' }] }, 'deaths'],
    ['deaths that are not a list', { deaths: {} }, 'deaths'],
    ['a time', { startedAt: 'yesterday' }, 'startedAt'],
    ['a phase', { phases: { pre: { resources: null }, run: null } }, 'pre-cleanup'],
    ['an outcome', { phases: { pre: { ...phaseWith('vanished') } } }, 'pre-cleanup'],
  ])('keeps all other parts where %s has another shape', async (_, part, unreadable) => {
    const good = {
      startedAt: '2026-11-25T12:00:00.000Z',
      benchmark: null,
      deaths: [],
      phases: { pre: phaseWith('removed'), run: null },
    };
    const found = await read(JSON.stringify({ ...good, ...part }));
    expect(found.unreadable).toEqual([unreadable]);
    if (unreadable !== 'pre-cleanup') expect(found.pre).toEqual(good.phases.pre);
    if (unreadable !== 'startedAt') expect(found.startedAt).toBe(good.startedAt);
  });
});

function phaseWith(outcome: string) {
  const totals = { graceful: 0, killed: 0, removed: 1, gone: 0, planned: 0, kept: 0, failed: 0 };
  const resource = { provider: 'docker', kind: 'container', id: 'a', name: 'b', state: 'running', outcome, steps: [] };
  return { durationMs: 1, verified: true, dryRun: false, providers: [], resources: [resource], totals };
}
