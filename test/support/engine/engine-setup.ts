import type { TestProject } from 'vitest/node';
import { ProxyProcess } from '../proxy/proxy-process';
import { findOrStartEngine, PrivateEngine, type TestEngine } from './engine';
import { ENGINE_KINDS, type EngineName, engineAskedFor } from './engine-kinds';
import { busyboxImage } from './image';

declare module 'vitest' {
  interface ProvidedContext {
    /** `unix:///…` of the engines that the tests use: one for each of vitest's workers. */
    readonly dockerHosts: readonly string[];
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

/** Before the tests of a project: the machine's own engine, where there is one, and private ones for the other workers. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const first = await findOrStartEngine();
  // The machine's own is one of no known kind: what its product can't do in any version is what is known of it.
  const known = first.description.startsWith('Podman') ? 'podman-4.3' : 'docker-20.10';
  return provideEngines(project, engineAskedFor(process.env) ?? known, first);
}

/**
 * Gives each worker an engine with the image. With TEST_THROUGH_PROXY, the tests and what they test reach it through the built
 * proxy.
 * @param name of the engines
 * @param first the first worker's; a private one by default
 * @returns takes all of it away, also when the tests are interrupted
 */
export async function provideEngines(project: TestProject, name: EngineName, first?: TestEngine): Promise<() => Promise<void>> {
  const image = `cleanup-action-test:${process.pid}-${project.name}`;
  const workers = Math.max(1, project.config.maxWorkers);
  const prepared = await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      const engine = (worker === 0 ? first : undefined) ?? (await PrivateEngine.start({ name }));
      return prepare(engine, image);
    }),
  );
  project.provide(
    'dockerHosts',
    prepared.map(({ url }) => url),
  );
  project.provide('image', image);
  project.provide('engine', name);
  project.provide('product', ENGINE_KINDS[name].product);
  for (const { title } of prepared) console.log(`${project.name}: testing on ${title}`);
  return async () => {
    await Promise.all(prepared.map(({ end }) => end()));
  };
}

interface Prepared {
  readonly url: string;
  readonly title: string;
  readonly end: () => Promise<void>;
}

async function prepare(engine: TestEngine, imageName: string): Promise<Prepared> {
  const image = await busyboxImage(engine.docker, imageName);
  const proxy = process.env['TEST_THROUGH_PROXY'] ? await ProxyProcess.start(engine.url, { ownership: FOREIGN }) : undefined;
  return {
    url: proxy?.url ?? engine.url,
    title: proxy ? `${engine.description}, through ${proxy.url}` : engine.description,
    end: async () => {
      const complaints = await proxy?.log();
      if (complaints) console.error(`the proxy says:\n${complaints}`);
      await proxy?.stop();
      await engine.docker.getImage(image).remove({ force: true });
      await engine.stop();
    },
  };
}
