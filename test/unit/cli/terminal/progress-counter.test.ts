import { expect, it } from 'vitest';
import { ProgressCounter } from '../../../../src/cli/terminal/progress-counter';
import type { Resource } from '../../../../src/core/resource';

function resource(id: string): Resource {
  return { provider: 'docker', kind: 'container', id, name: id, state: 'running', running: true, labels: {} };
}

it('knows what is left', () => {
  const tally = new ProgressCounter();
  tally.track({ selector: () => true }).choose?.([resource('a'), resource('b')]);
  tally.settle(resource('a'));
  expect(tally.left.map(({ id }) => id)).toEqual(['b']);
});

it('counts what several listings show once', () => {
  const tally = new ProgressCounter();
  const { choose } = tally.track({ selector: () => true });
  choose?.([resource('a')]);
  choose?.([resource('a'), resource('b')]);
  expect(tally.found).toBe(2);
});

it('counts only what is chosen', () => {
  const tally = new ProgressCounter();
  const { choose } = tally.track({ selector: () => true, choose: (selected) => selected.slice(0, 1) });
  expect(choose?.([resource('a'), resource('b')])).toHaveLength(1);
  expect(tally.found).toBe(1);
});
