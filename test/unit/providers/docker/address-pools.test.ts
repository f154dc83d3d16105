import { describe, expect, it } from 'vitest';
import { roomIn } from '../../../../src/providers/docker/address-pools';

const POOLS = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: 'fd00::/48', size: 64 },
];

describe('the room in the address pools', () => {
  it('is what no network has taken', () => {
    expect(roomIn(POOLS, [])).toBe(5);
    expect(roomIn(POOLS, ['172.17.0.0/16', '172.21.0.0/16'])).toBe(3);
  });

  it('is not taken by networks of other addresses', () => {
    expect(roomIn(POOLS, ['10.1.0.0/16', 'fd00::/64', '172.24.0.0/16', 'odd'])).toBe(5);
  });

  it('is never less than none', () => {
    expect(roomIn(POOLS, Array(9).fill('172.17.0.0/24'))).toBe(0);
  });
});
