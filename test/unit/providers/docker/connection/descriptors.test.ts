import { expect, it } from 'vitest';
import { connectionsWithin, maxConnections } from '../../../../../src/providers/docker/connection/descriptors';

const limits = (soft: string) =>
  `Limit   Soft Limit   Hard Limit   Units\nMax open files            ${soft}      1048576      files\n`;

it.each([
  ['1024', 960],
  ['256', 192],
  ['64', 16],
  ['unlimited', Number.POSITIVE_INFINITY],
])('within %s descriptors some are left for other things', (soft, most) => {
  expect(connectionsWithin(limits(soft))).toBe(most);
});

it('an unknown limit is taken for the smallest usual one', () => {
  expect(connectionsWithin('')).toBe(192);
});

it('this process knows its own', async () => {
  expect(await maxConnections()).toBeGreaterThan(16);
});
