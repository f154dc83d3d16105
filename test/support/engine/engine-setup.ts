import Docker from 'dockerode';
import type { TestProject } from 'vitest/node';
import { dockerOptions } from '../../../src/providers/docker/connection/endpoint';
import { findOrStartEngine } from './engine';
import { busyboxImage } from './image';

declare module 'vitest' {
  interface ProvidedContext {
    /** `unix:///…` of the engine that the tests use. */
    readonly dockerHost: string;
    /** The image that their containers are made from. */
    readonly image: string;
    /** Whose engine it is: what is Podman's alone stands in docs/podman.md. */
    readonly product: 'docker' | 'podman';
  }
}

/** Before the tests of a project: an engine and an image. After them, also when they are interrupted: neither. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engine = await findOrStartEngine();
  const docker = new Docker(dockerOptions({ url: engine.url, from: 'the tests' }));
  const image = await busyboxImage(docker, `cleanup-action-test:${process.pid}-${project.name}`);
  project.provide('dockerHost', engine.url);
  project.provide('image', image);
  project.provide('product', engine.description.startsWith('Podman') ? 'podman' : 'docker');
  console.log(`${project.name}: testing on ${engine.description}`);
  return async () => {
    await docker.getImage(image).remove({ force: true });
    await engine.stop();
  };
}
