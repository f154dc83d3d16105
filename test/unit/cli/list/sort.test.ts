import { expect, it } from 'vitest';
import type { InventoryItem } from '../../../../src/cli/list/inventory';
import { type SortKey, sortResources } from '../../../../src/cli/list/sort';
import { listed } from '../../../support/cli/listed';

function names(resources: readonly InventoryItem[], key?: SortKey, reverse = false): string {
  return sortResources(resources, key, reverse)
    .map(({ resource: { name } }) => name)
    .join(' ');
}

const named = (name: string, own: Partial<InventoryItem> = {}, resource: Partial<InventoryItem['resource']> = {}) =>
  listed({ ...own, resource: { ...resource, name } });

it('puts kinds together by default, the oldest first', () => {
  const all = [named('v', {}, { kind: 'volume' }), named('young', { ageMs: 1 }), named('old', { ageMs: 9 })];
  expect(names(all)).toBe('old young v');
});

it('puts the largest first, and an unknown error last', () => {
  const all = [named('unknown'), named('small', { size: 1 }), named('large', { size: 9 })];
  expect(names(all, 'size')).toBe('large small unknown');
});

it('sorts names as people do', () => {
  expect(names([named('task-10'), named('task-9')], 'name')).toBe('task-9 task-10');
});

it('puts what belongs to no session last', () => {
  expect(names([named('none', { session: undefined }), named('some')], 'session')).toBe('some none');
});

it('turns it round', () => {
  expect(names([named('a'), named('b')], 'name', true)).toBe('b a');
});
