import { describe, expect, it } from 'vitest';
import { listTable, runLines, sessionLines, totalsLine } from '../../../../src/cli/list/table';
import { listed } from '../../../support/cli/listed';

const LONG = {
  resource: { name: 'a-container-with-a-name-that-takes-all-the-room-there-is' },
  session: `gitlab-${'1234567890'.repeat(5)}`,
};

function lines(columns: number | undefined, ...resources: Parameters<typeof listTable>[0]): readonly string[] {
  return listTable(resources, { color: false, columns, withSizes: false }).trimEnd().split('\n');
}

it('has a row for each, under their titles', () => {
  expect(lines(undefined, listed())).toEqual([
    'PROVIDER  KIND       ID            NAME    STATE    AGE  SESSION',
    'docker    container  0123456789ab  task-1  running  2h   cli-me.1a2b3c4d.aaaaaaaa',
  ]);
});

it('has sizes at the right where they are wanted, and - where nobody knows', () => {
  const table = listTable([listed({ size: 1_234_567 }), listed()], { color: false, columns: undefined, withSizes: true });
  expect(table.split('\n').map((line) => line.slice(-5))).toEqual([' SIZE', '1.2MB', '    -', '']);
});

describe.each([60, 80, 120])('on a terminal of %i columns', (columns) => {
  it('no line is wider', () => {
    for (const line of lines(columns, listed(LONG), listed())) expect(line.length).toBeLessThanOrEqual(columns);
  });

  it('a session keeps its end, which tells it from others', () => {
    expect(lines(columns, listed(LONG))[1]).toMatch(/7890$/);
  });
});

it('cuts nothing where lines may be long', () => {
  expect(lines(undefined, listed(LONG))[1]).toContain(`${LONG.resource.name}  `);
});

it('keeps the provider on a narrow terminal where there are two', () => {
  const other = listed({ resource: { provider: 'daytona', kind: 'sandbox' } });
  expect(lines(60, listed(LONG), other)[0]).toContain('PROVIDER');
});

it('shows what moves cursors as text', () => {
  expect(lines(undefined, listed({ resource: { name: 'a\u001b[2Jb' } }))[1]).toContain('a\\u{1b}[2Jb');
});

it.each([
  [[], 'Nothing'],
  [[listed()], '1 container'],
  [[listed(), listed({ resource: { kind: 'volume' } })], '2 resources: 1 container, 1 volume'],
])('totals tell kinds', (resources, line) => {
  expect(totalsLine(resources, false)).toBe(line);
});

it('totals add up what is known of sizes', () => {
  expect(totalsLine([listed({ size: 1_000_000 }), listed({ size: 500_000 }), listed()], true)).toBe('3 containers; 1.5MB');
  const mixed = [listed({ size: 1_000_000 }), listed({ resource: { kind: 'volume' }, size: 500_000 })];
  expect(totalsLine(mixed, true)).toBe('2 resources: 1 container, 1 volume; 1.5MB (containers 1.0MB, volumes 500kB)');
});

it('names the page of each run once', () => {
  const run = { runUrl: 'https://ci.example/1' };
  expect(sessionLines([listed({ live: true }), listed({ evidence: 'ci' }), listed({ evidence: 'age' }), listed()])).toEqual([
    'Sessions: 1 resource of live ones, 2 resources of ones that are over (ci, age)',
  ]);
  expect(sessionLines([listed()])).toEqual([]);
  expect(runLines([listed(run), listed(run), listed()])).toEqual(['cli-me.1a2b3c4d.aaaaaaaa: https://ci.example/1']);
});
