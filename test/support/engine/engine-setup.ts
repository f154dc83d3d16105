import Docker from 'dockerode';
import type { TestProject } from 'vitest/node';
import { dockerOptions } from '../../../src/providers/docker/connection/endpoint';
import { ProxyProcess } from '../proxy/proxy-process';
import { findOrStartEngine } from './engine';
import { ENGINE_KINDS, type EngineName, engineAskedFor } from './engine-kinds';
import { busyboxImage } from './image';

declare module 'vitest' {
  interface ProvidedContext {
    /** `unix:///…` of the engine that the tests use. */
    readonly dockerHost: string;
    /** The image that their containers are made from. */
    readonly image: string;
    /** Whose engine it is: what is Podman's alone stands in docs/podman.md. */
    readonly product: 'docker' | 'podman';
    /** Says which tests it can't pass. */
    readonly engine: EngineName;
  }
}

/** Not this action's own label: what no session owns stays so, and can be owned by its name. */
const FOREIGN = { owner: 'passed-a-proxy', labels: { 'passed-a-proxy': 'yes' } };

/**
 * Before the tests of a project: an engine and an image. After them, also when they are interrupted: neither. With
 * TEST_THROUGH_PROXY, the tests and what they test reach the engine through the built proxy.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engine = await findOrStartEngine();
  const docker = new Docker(dockerOptions({ url: engine.url, from: 'the tests' }));
  const image = await busyboxImage(docker, `cleanup-action-test:${process.pid}-${project.name}`);
  const proxy = process.env['TEST_THROUGH_PROXY'] ? await ProxyProcess.start(engine.url, { ownership: FOREIGN }) : undefined;
  project.provide('dockerHost', proxy?.url ?? engine.url);
  project.provide('image', image);
  // The machine's own is one of no known kind: what its product can't do in any version is what is known of it.
  const name = engineAskedFor(process.env) ?? (engine.description.startsWith('Podman') ? 'podman-4.3' : 'docker-20.10');
  project.provide('engine', name);
  project.provide('product', ENGINE_KINDS[name].product);
  console.log(`${project.name}: testing on ${engine.description}${proxy ? `, through ${proxy.url}` : ''}`);
  return async () => {
    const complaints = await proxy?.log();
    if (complaints) console.error(`the proxy says:\n${complaints}`);
    await proxy?.stop();
    await docker.getImage(image).remove({ force: true });
    await engine.stop();
  };
}
