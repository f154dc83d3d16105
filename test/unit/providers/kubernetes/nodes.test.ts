import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/lib/json-shape';
import { KubernetesError } from '../../../../src/providers/kubernetes/errors';
import { Nodes } from '../../../../src/providers/kubernetes/nodes';
import { VirtualClock } from '../../../support/simulation/virtual-clock';

const never = new AbortController().signal;

const node = (...conditions: readonly object[]): Json => ({ metadata: { uid: 'u', name: 'n' }, status: { conditions } });
const failing = (error: Error) => () => {
  throw error;
};

/** Why a node counts as silent after this answer about it. */
async function silenceAfter(answer: () => Json): Promise<string | undefined> {
  const nodes = new Nodes({ ask: async () => answer() }, new VirtualClock(() => 0.5));
  await nodes.look('n', never);
  return nodes.silenceOf('n');
}

describe('a node', () => {
  it('that is ready answers', async () => {
    expect(
      await silenceAfter(() => node({ type: 'MemoryPressure', status: 'False' }, { type: 'Ready', status: 'True' })),
    ).toBeUndefined();
  });

  it.each(['False', 'Unknown'])('that is ready: %s does not, and it is told since when', async (status) => {
    const ready = { type: 'Ready', status, lastTransitionTime: '2026-11-27T10:00:00Z' };
    expect(await silenceAfter(() => node(ready))).toBe('its node n has not answered since 2026-11-27T10:00:00.000Z');
    expect(await silenceAfter(() => node({ type: 'Ready', status }))).toBe('its node n has not answered');
  });

  it('that has said nothing yet, or is gone, does not', async () => {
    expect(await silenceAfter(() => node())).toBe('its node n has never answered');
    const gone = new KubernetesError('GET nodes', 404, 'nodes "n" not found', { reason: 'NotFound' });
    expect(await silenceAfter(failing(gone))).toBe('its node n is gone');
  });

  it.each([
    ['a proxy’s 404', failing(new KubernetesError('GET nodes', 404, '<html>Not Found</html>'))],
    ['a refusal', failing(new KubernetesError('GET nodes', 403, 'forbidden', { reason: 'Forbidden' }))],
    ['a failure', failing(new Error('connection reset'))],
    ['JSON of a proxy', () => ({ status: 'down for maintenance' })],
  ])('of which there is only %s is not taken for silent: its pods would be forced', async (_, answer) => {
    expect(await silenceAfter(answer)).toBeUndefined();
  });

  it('is asked for once in some seconds, and is believed no longer', async () => {
    const clock = new VirtualClock(() => 0.5);
    let [asked, status] = [0, 'Unknown'];
    const ask = async () => {
      asked += 1;
      return node({ type: 'Ready', status });
    };
    const nodes = new Nodes({ ask }, clock);
    await nodes.look('n', never);
    await nodes.look('n', never);
    expect(asked).toBe(1);
    status = 'True';
    await clock.run(new Promise<void>((resolve) => clock.after(5_000, resolve)));
    await nodes.look('n', never);
    expect([asked, nodes.silenceOf('n')]).toEqual([2, undefined]);
  });
});
