import { describe, expect, it } from 'vitest';
import { deathReport, isReported, mergeDeaths } from '../../../src/phases/deaths';
import { redactor } from '../../../src/recorder/logs/redactor';
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
  logStatus: 'kept',
  logReason: null,
  logTail: [],
  ...more,
});

const end = (id: string, at: number, more: { readonly neverStarted?: string } = {}) => ({
  container: { provider: 'docker', kind: 'container', id, name: id, state: 'exited', running: false, labels: {} } as const,
  at,
  ...more,
});

it('a death has no secrets in what its provider says of it', () => {
  const says = 'it never ran: exec: "--key=swördfish-1234": no such file';
  const { logReason, reason } = deathReport(
    {
      ...{ ...end('a', 1), exitCode: 128, oomKilled: false, asked: false, livedMs: null, reason: 'because of swördfish-1234' },
      log: { status: 'unwanted', file: null, reason: says, tail: [] },
    },
    redactor(['swördfish-1234']),
  );

  expect([logReason, reason]).toEqual(['it never ran: exec: "--key=***": no such file', 'because of ***']);
});

describe('an end', () => {
  it('that main has told, with its log, is reported', () => {
    expect(isReported([death('a', 10_040)], end('a', 10_000))).toBe(true);
  });

  it('of a later run is not', () => {
    expect(isReported([death('a', 10_000)], end('a', 60_000))).toBe(false);
  });

  it('of another container is not', () => {
    expect(isReported([death('a', 10_000)], end('b', 10_000))).toBe(false);
  });

  it.each(['out-of-time', 'gone'] as const)('whose log main could not have (%s) is open', (logStatus) => {
    expect(isReported([death('a', 10_000, { logFile: null, logStatus })], end('a', 10_000))).toBe(false);
  });

  it.each(['empty', 'unwanted', 'unavailable', undefined] as const)(
    'without a log, for a reason that holds (%s), is told',
    (status) => {
      const logStatus = status === undefined ? {} : { logStatus: status };
      expect(isReported([death('a', 10_000, { logFile: null, ...logStatus })], end('a', 10_000))).toBe(true);
    },
  );

  it('of a container that never ran is reported, whenever it was looked at', () => {
    expect(isReported([death('a', 10_000)], end('a', 90_000, { neverStarted: 'no such file' }))).toBe(true);
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
    const open = death('a', 10_000, { logFile: null, logStatus: 'out-of-time' });
    expect(mergeDeaths([open], [death('a', 10_000)])).toEqual([death('a', 10_000)]);
  });

  it('are one that was asked to end where main knows that it was', () => {
    const open = death('a', 10_000, { logFile: null, logStatus: 'out-of-time', asked: true });
    expect(mergeDeaths([open], [death('a', 10_000, { asked: false })])).toEqual([death('a', 10_000, { asked: true })]);
  });

  it('are two where the container ended twice', () => {
    expect(mergeDeaths([death('a', 10_000)], [death('a', 60_000)])).toHaveLength(2);
  });
});
