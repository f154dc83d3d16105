import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/core/resource';
import { stillUnmatched, unmatchedIn } from '../../../src/phases/unmatched';
import { death, phase, resource as reported } from '../../support/report/sample';

const resource = (name: string, labels: Record<string, string> = {}): Resource => ({
  provider: 'docker',
  kind: 'container',
  id: name,
  name,
  state: 'running',
  running: true,
  labels,
});

describe('filters that matched nothing', () => {
  const filters = {
    labels: [[{ key: 'team', value: 'eval' }, { key: 'suite' }], [{ key: 'trial' }]],
    namePrefixes: ['bench-', 'other-'],
  };

  it('are found one by one, as they were written', () => {
    const found = [resource('bench-1', { team: 'eval' }), resource('web', { trial: '7' })];
    expect(unmatchedIn(found, filters)).toEqual([
      { setting: 'labels', filter: 'team=eval,suite' },
      { setting: 'name-prefixes', filter: 'other-' },
    ]);
  });

  it('are written with their wildcards and commas', () => {
    const written = { labels: [[{ key: 'a', value: 'b,*' }, { key: 'c' }]], namePrefixes: ['x.*.y'] };
    expect(unmatchedIn([], written).map(({ filter }) => filter)).toEqual(['a=b\\,*,c', 'x.*.y']);
    expect(unmatchedIn([resource('x.1.y-2', { a: 'b,7', c: '' })], written)).toEqual([]);
  });

  it('are all of them where there is nothing, and none where there is no filter', () => {
    expect(unmatchedIn([], filters)).toHaveLength(4);
    expect(unmatchedIn([resource('web')], { labels: [], namePrefixes: [] })).toEqual([]);
  });
});

describe('of what was gone by then', () => {
  const [label, name] = [
    { setting: 'labels', filter: 'team=eval' },
    { setting: 'name-prefixes', filter: 'bench-' },
  ] as const;

  it.each([
    ['nothing is known: both stay', { deaths: [], phases: [null, phase()] }, [label, name]],
    ['a death’s name is known, its label is not', { deaths: [death({ name: 'bench-1' })], phases: [] }, []],
    ['another name says nothing of the label', { deaths: [death({ name: 'web' })], phases: [] }, [name]],
    ['what was removed before counts as well', { deaths: [], phases: [phase([reported({ name: 'bench-1' })])] }, []],
    ['a prefix matches by its wildcard, too', { deaths: [death({ name: 'b-bench-1' })], phases: [] }, [], '*-bench-'],
  ])('%s', (_, earlier, expected, filter = name.filter) => {
    expect(stillUnmatched([label, { ...name, filter }], earlier)).toEqual(expected);
  });
});
