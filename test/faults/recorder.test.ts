import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { stateOf } from '../support/engine/container-habits';
import { EngineToBreak } from '../support/engine/engine-to-break';
import { logOf, TestRecording } from '../support/engine/recording';
import { until } from '../support/until';

let there: EngineToBreak;
beforeAll(async () => {
  there = await EngineToBreak.start();
});
afterEach(() => there.checkBystanders());
afterAll(() => there.stop());

const script = (text: string) => ['sh', '-c', text];

async function leak(recording: TestRecording, text: string): Promise<Docker.Container> {
  const [container] = await there.leak(recording.session, 1, script(text));
  if (!container) throw new Error('there is no container');
  return container;
}

const hasEnded = (container: Docker.Container) => async () => ['exited', 'gone'].includes(await stateOf(container));

describe('an engine that is killed and started again in the middle of the benchmark', () => {
  test('has all its deaths told once: before, meanwhile and after', async () => {
    const recording = await TestRecording.start({ url: there.engine.url });
    const before = await leak(recording, 'echo before; exit 3');
    await until('it has ended', hasEnded(before));
    const meanwhile = await leak(recording, 'echo ready; sleep 3600; true');

    await there.engine.kill();
    await there.engine.restart();
    await meanwhile.kill().catch(() => undefined); // Podman's containers outlive it; dockerd ends its own.
    await until('what ran has ended', hasEnded(meanwhile));
    const after = await leak(recording, 'echo after; exit 5');
    await until('it has ended', hasEnded(after));
    const deaths = await recording.finish();

    expect(deaths.map(({ container }) => container.id)).toEqual([before.id, meanwhile.id, after.id]);
    expect(deaths.map(({ exitCode }) => exitCode)).toEqual([3, expect.any(Number), 5]);
    expect(await Promise.all(deaths.map(logOf))).toEqual(['before\n', 'ready\n', 'after\n']);
  });

  test('and is still down at the end says that deaths may be missing, in time', async () => {
    const recording = await TestRecording.start({ url: there.engine.url });
    await there.engine.kill();
    await until('the recorder has noticed', () => recording.recorder.trouble !== undefined);
    const startedAt = performance.now();

    await recording.finish(AbortSignal.timeout(3_000));

    const tookMs = performance.now() - startedAt;
    await there.engine.restart();
    expect(recording.recorder.trouble?.message).toContain('the stream of events broke');
    expect(tookMs).toBeLessThan(4_000);
  });
});
