import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { ciSystemOf, ciSystems } from '../support/ci/ci-systems';
import { Workspace } from '../support/ci/ci-workspace';
import { commandLineBundle, pinned } from '../support/cli/command-line';
import { docker, removeContainer, stateOf } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';

let workspace: Workspace;

beforeEach(async () => {
  workspace = await Workspace.create({
    ...pinned(commandLineBundle),
    DOCKER_HOST: dockerHost,
    IMAGE: inject('image'),
    // The session of a runner of its own: what other tests leave on the same engine is no leftover of its.
    RUNNER_NAME: randomUUID(),
  });
});

afterEach(async () => {
  for (const id of await workspace.leaked()) await removeContainer(docker.getContainer(id));
  await workspace.remove();
});

function state(id: string): Promise<string> {
  return stateOf(docker.getContainer(id));
}

/** Of the container that the last benchmark leaked. */
async function lastState(): Promise<string> {
  return state((await workspace.leaked()).at(-1) ?? '');
}

describe.each(ciSystems)('the example for $name', (system) => {
  const { benchmark, always, attempts, parallel } = system;

  it('ends the benchmark’s step with the benchmark’s exit code', async () => {
    await workspace.benchmarkThat('ends');
    const { exitCode, output } = await workspace.run(benchmark, attempts()[0]);
    expect(exitCode, output).toBe(7);
  });

  it('leaves nothing of a benchmark that came to its end', async () => {
    await workspace.benchmarkThat('ends');
    await workspace.run(benchmark, attempts()[0]);
    expect(await lastState()).toBe('gone');
  });

  it('leaves nothing when the job is cancelled and there is time for it', async () => {
    const { output } = await workspace.cancelAfterLeak(system, attempts()[0]);
    expect(await lastState(), output).toBe('gone');
  });

  it('has its last step succeed when nothing is left to do', async () => {
    const { exitCode, output } = await workspace.run(always, attempts()[0]);
    expect(exitCode, output).toBe(0);
  });

  it('removes in its last step what a killed benchmark left', async () => {
    const [job] = attempts();
    const left = await workspace.killAfterLeak(benchmark, job);
    const { exitCode, output } = await workspace.run(always, job);
    expect({ exitCode, state: await state(left) }, output).toEqual({ exitCode: 0, state: 'gone' });
  });

  it('leaves a killed attempt’s container alone when the next attempt cleans up', async () => {
    const [first, second] = attempts();
    const left = await workspace.killAfterLeak(benchmark, first);
    await workspace.benchmarkThat('ends');
    await workspace.run(benchmark, second);
    await workspace.run(always, second);
    expect(await state(left)).toBe('running');
  });

  // Elsewhere these are as different as attempts.
  if (parallel === undefined) return;

  it('leaves alone what a job of the same build has running beside it', async () => {
    const [first, second] = parallel();
    const beside = await workspace.killAfterLeak(benchmark, first);
    await workspace.run(always, second);
    expect(await state(beside)).toBe('running');
  });
});

it('leaves the exit code to the command when Buildkite’s hook fails', async () => {
  const { always, attempts } = ciSystemOf('Buildkite');
  const { exitCode, output } = await workspace.run(always, { ...attempts()[0], CLEANUP_ACTION_URL: 'file:///nowhere' });
  expect(exitCode, output).toBe(0);
});
