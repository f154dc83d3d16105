/**
 * Measures the built post as a process, from its start to its end, over so many containers that end at SIGTERM, and over as many that
 * ignore it: `npm run bench`.
 */
import Docker from 'dockerode';
import { labels } from '../src/core/labels';
import { dockerOptions } from '../src/providers/docker/connection/endpoint';
import { HEEDS_NO_SIGTERM, HONOURS_SIGTERM } from '../test/support/engine/container-habits';
import { findOrStartEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { Job } from '../test/support/job/job';

/** @returns seconds that post took */
async function measure(docker: Docker, url: string, image: string, number: number, command: readonly string[]): Promise<number> {
  const job = await Job.create({ env: { DOCKER_HOST: url } });
  try {
    await job.main();
    const Labels = { [labels.session]: await job.session() };
    await Promise.all(
      Array.from({ length: number }, async () => {
        const HostConfig = { NetworkMode: 'none' };
        const container = await docker.createContainer({ Image: image, Cmd: [...command], Labels, HostConfig });
        await container.start();
      }),
    );
    const startedAt = performance.now();
    await job.post();
    const seconds = (performance.now() - startedAt) / 1000;
    const { post } = (await job.report()).phases;
    if (!post?.verified || post.resources.length !== number) throw new Error(`post left something of ${number} containers`);
    return seconds;
  } finally {
    await job.remove();
  }
}

const engine = await findOrStartEngine();
const docker = new Docker(dockerOptions({ url: engine.url, from: 'the benchmark' }));
const image = await busyboxImage(docker, `cleanup-action-bench:${process.pid}`);
try {
  console.log(`On ${engine.description}:`);
  for (const number of process.argv.slice(2).map(Number)) {
    const polite = await measure(docker, engine.url, image, number, HONOURS_SIGTERM);
    const stubborn = await measure(docker, engine.url, image, number, HEEDS_NO_SIGTERM);
    console.log(
      `${number} containers: ${polite.toFixed(1)} s where they end at SIGTERM, ${stubborn.toFixed(1)} s where they ignore it`,
    );
  }
} finally {
  await docker.getImage(image).remove({ force: true });
  await engine.stop();
}
