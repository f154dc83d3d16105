import type { TestProject } from 'vitest/node';
import { PrivateEngine } from './engine';
import { busyboxImage } from './image';

/** Before the tests of a project: Podman's service and an image. After them, also when they are interrupted: neither. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engine = await PrivateEngine.start({ name: 'podman-4.3' });
  project.provide('dockerHost', engine.url);
  project.provide('image', await busyboxImage(engine.docker, `cleanup-action-test:${process.pid}-${project.name}`));
  project.provide('product', 'podman');
  project.provide('engine', 'podman-4.3');
  console.log(`${project.name}: testing on ${engine.description}`);
  return () => engine.stop();
}
