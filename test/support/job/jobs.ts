import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { afterEach, expect } from 'vitest';
import { labels } from '../../../src/core/labels';
import { type ContainerOptions, HEEDS_NO_SIGTERM, removeContainer, startContainer, stateOf } from '../engine/containers';
import { dockerHost } from '../engine/own-engine';
import { Job, type JobOptions } from './job';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A job on the tests' engine, on a runner of its own unless a test says otherwise; removed after the test. */
export async function newJob({ inputs = {}, env = {}, ...rest }: JobOptions = {}): Promise<Job> {
  const job = await Job.create({
    inputs: { 'grace-period': '1s', ...inputs },
    env: { DOCKER_HOST: dockerHost, ...env },
    ...(rest.after || rest.beside ? {} : { runnerName: randomUUID() }),
    ...rest,
  });
  cleanups.push(() => job.remove());
  return job;
}

/** A container that carries the job's label, as a later step would start it. */
export async function leak(job: Job, command: readonly string[], options: ContainerOptions = {}): Promise<Docker.Container> {
  return startContainer(command, { ...options, labels: { [labels.session]: await job.session(), ...options.labels } });
}

/** A container that must be left alone: the test fails if it does not run when the test ends. */
export async function bystander(options: ContainerOptions = {}): Promise<Docker.Container> {
  const container = await startContainer(HEEDS_NO_SIGTERM, options);
  cleanups.push(async () => {
    const state = await stateOf(container);
    await removeContainer(container);
    expect(state, 'the bystander’s state').toBe('running');
  });
  return container;
}
