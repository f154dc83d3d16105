import { describe, expect, it } from 'vitest';
import { causesOf } from '../../../src/report/causes';
import { failed } from '../../support/report/sample';

const UUIDS = ['9a6e1f0c-2f53-4f8e-9d0e-1c2b3a4d5e6f', 'b1946ac9-2492-4d23-8f7a-6235b4d2611e'] as const;

describe('causes', () => {
  it('are counted, the most frequent first', () => {
    expect(causesOf([failed({ error: 'a' }), failed({ error: 'b' }), failed({ error: 'b' })])).toEqual([
      { error: 'b', count: 2 },
      { error: 'a', count: 1 },
    ]);
  });

  it('that differ only by the id of the resource are one', () => {
    const left = UUIDS.map((id) => failed({ id, error: `sandbox ${id} is stuck` }));
    expect(causesOf(left)).toEqual([{ error: 'sandbox … is stuck', count: 2 }]);
  });

  it('that differ only by the name of the resource are one', () => {
    const left = ['web-1', 'web-2'].map((name) => failed({ name, error: `${name} is in use` }));
    expect(causesOf(left)).toEqual([{ error: '… is in use', count: 2 }]);
  });

  it('that differ only by ids of other resources, long or short, are one', () => {
    const ids = ['0a1b2c3d4e5f', 'f5e4d3c2b1a00a1b2c3d4e5ff5e4d3c2b1a00a1b2c3d4e5ff5e4d3c2b1a0aaaa'];
    expect(causesOf(ids.map((id) => failed({ error: `network ${id} has endpoints` })))).toEqual([
      { error: 'network … has endpoints', count: 2 },
    ]);
  });

  it('of one kind are whole where they do not differ', () => {
    const error = `sandbox ${UUIDS[0]} is stuck`;
    expect(causesOf([failed({ error }), failed({ error })])).toEqual([{ error, count: 2 }]);
  });

  it('that differ by anything else are several', () => {
    const left = [failed({ error: 'exit code 1' }), failed({ error: 'exit code 2' }), failed({ name: 'is', error: 'it is not' })];
    expect(causesOf(left)).toHaveLength(3);
  });
});
