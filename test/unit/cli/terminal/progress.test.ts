import { expect, it } from 'vitest';
import { ProgressCounter } from '../../../../src/cli/terminal/progress';
import type { Resource } from '../../../../src/core/resource';

function resource(id: string): Resource {
  return { provider: 'docker', kind: 'container', id, name: id, state: 'running', running: true, labels: {} };
}

const SEEN = { listed: [], leases: [], now: 0 };

it('knows what is left', () => {
  const counter = new ProgressCounter();
  counter.track({ selector: () => true }).choose?.([resource('a'), resource('b')], SEEN);
  counter.settle(resource('a'));
  expect(counter.left.map(({ id }) => id)).toEqual(['b']);
});

it('counts what several listings show once', () => {
  const counter = new ProgressCounter();
  const { choose } = counter.track({ selector: () => true });
  choose?.([resource('a')], SEEN);
  choose?.([resource('a'), resource('b')], SEEN);
  expect(counter.found).toBe(2);
});

it('counts only what is chosen', () => {
  const counter = new ProgressCounter();
  const { choose } = counter.track({ selector: () => true, choose: (selected) => selected.slice(0, 1) });
  expect(choose?.([resource('a'), resource('b')], SEEN)).toHaveLength(1);
  expect(counter.found).toBe(1);
});
