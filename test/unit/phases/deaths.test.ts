import { describe, expect, it } from 'vitest';
import { isTold, mergeDeaths } from '../../../src/phases/deaths';
import { GONE, NO_TIME } from '../../../src/recorder/logs/reading';
import { type DeathReport, isoTime } from '../../../src/report/model';

const death = (id: string, at: number, more: Partial<DeathReport> = {}): DeathReport => ({
  provider: 'docker',
  id,
  name: id,
  image: null,
  exitCode: 1,
  oomKilled: false,
  at: isoTime(at),
  livedMs: null,
  logFile: `/logs/${id}.log`,
  logReason: null,
  logTail: [],
  ...more,
});

const end = (id: string, at: number, more: { readonly neverStarted?: string } = {}) => ({
  container: { provider: 'docker', kind: 'container', id, name: id, state: 'exited', running: false, labels: {} } as const,
  at,
  ...more,
});

describe('an end', () => {
  it('that main has told, with its log, is told', () => {
    expect(isTold([death('a', 10_040)], end('a', 10_000))).toBe(true);
  });

  it('of a later run is not', () => {
    expect(isTold([death('a', 10_000)], end('a', 60_000))).toBe(false);
  });

  it('of another container is not', () => {
    expect(isTold([death('a', 10_000)], end('b', 10_000))).toBe(false);
  });

  it.each([NO_TIME, GONE])('whose log main could not have (%s) is open', (logReason) => {
    expect(isTold([death('a', 10_000, { logFile: null, logReason })], end('a', 10_000))).toBe(false);
  });

  it('of a container that never ran is told, whenever it was looked at', () => {
    expect(isTold([death('a', 10_000)], end('a', 90_000, { neverStarted: 'no such file' }))).toBe(true);
  });
});

describe('main’s deaths and post’s', () => {
  it('are in the order in which they ended', () => {
    expect(mergeDeaths([death('b', 20_000)], [death('c', 30_000), death('a', 10_000)]).map(({ id }) => id)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('are one where post has the log that main had no time for', () => {
    const open = death('a', 10_000, { logFile: null, logReason: NO_TIME });
    expect(mergeDeaths([open], [death('a', 10_000)])).toEqual([death('a', 10_000)]);
  });

  it('are two where the container ended twice', () => {
    expect(mergeDeaths([death('a', 10_000)], [death('a', 60_000)])).toHaveLength(2);
  });
});
