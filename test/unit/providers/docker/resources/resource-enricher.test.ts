import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../../../src/core/resource';
import { systemClock } from '../../../../../src/lib/clock';
import { EngineFacts } from '../../../../../src/providers/docker/resources/engine-facts';
import { ImageInspections } from '../../../../../src/providers/docker/resources/image-inspections';
import { ResourceEnricher } from '../../../../../src/providers/docker/resources/resource-enricher';

const NOON = Date.parse('2026-11-21T12:00:00Z');
const clock = { ...systemClock, now: () => NOON };
const container: Resource = {
  provider: 'docker',
  kind: 'container',
  id: 'a',
  name: 'a',
  state: 'running',
  running: true,
  labels: {},
  createdAt: NOON,
};

/** An engine that tells its time, and has no container that this process could run in. */
function engineAt(SystemTime: string | undefined): Docker {
  const modem = { dial: (_: object, answered: (error: null, answer: object) => void) => answered(null, { SystemTime }) };
  const inspect = () => Promise.reject(Object.assign(new Error('no such container'), { statusCode: 404 }));
  return { modem, getContainer: () => ({ inspect }) } as unknown as Docker;
}

const enricherOf = (docker: Docker) => new ResourceEnricher(new EngineFacts(docker, clock), new ImageInspections(docker));

describe('the time of creation is reported by our clock', () => {
  it.each([
    ['where the engine’s is an hour ahead', '2026-11-21T13:00:00Z', NOON - 3_600_000],
    ['where the engine’s is an hour behind', '2026-11-21T11:00:00Z', NOON + 3_600_000],
    ['where they differ by no more than the engine’s seconds tell', '2026-11-21T12:00:00.4Z', NOON],
    ['where the engine does not tell the time', undefined, NOON],
  ])('%s', async (_, systemTime, createdAt) => {
    const [told] = await enricherOf(engineAt(systemTime)).enrich([container], AbortSignal.timeout(1_000));
    expect(told?.createdAt).toBe(createdAt);
  });
});
