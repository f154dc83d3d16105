import type { TestProject } from 'vitest/node';
import { PrivateEngine } from '../engine/engine';
import { busyboxImage } from '../engine/image';
import { buildAct, isActBuilt } from './act';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the engine that `act`’s jobs use; undefined where they can't run. */
    readonly actEngine: string | undefined;
  }
}

/** Says why jobs can't run here; undefined if they can. */
async function obstacle(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'an engine of their own needs root on Linux';
  if (isActBuilt()) return undefined;
  if (!process.env['TEST_ACT']) return '`act` is not built: `npm run test:act` builds it where there is Go';
  return buildAct().then(
    () => undefined,
    (error: Error) => `\`act\` can’t be built: ${error.message}`,
  );
}

/** Before the jobs: an engine with an image of the name that the workflows use, so that none is pulled. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const why = await obstacle();
  if (why) {
    console.warn(`act: the e2e workflow is skipped: ${why}`);
    project.provide('actEngine', undefined);
    return undefined;
  }
  const engine = await PrivateEngine.start();
  await busyboxImage(engine.docker, 'busybox:1.37');
  project.provide('actEngine', engine.url);
  return () => engine.stop();
}
