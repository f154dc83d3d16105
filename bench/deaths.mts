/**
 * Measures the recorder in the built main, over so many containers that each write a line and end with 3 at the same time, half of them
 * with `--rm`: how many deaths and lines were recorded, why others were not, and the most memory that main used: `npm run bench:deaths`.
 */
import Docker from 'dockerode';
import { labels } from '../src/core/labels';
import { dockerOptions } from '../src/providers/docker/connection/endpoint';
import { findOrStartEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { Job } from '../test/support/job/job';
import { until } from '../test/support/until';
import { costOf } from './cost';

async function measure(docker: Docker, url: string, image: string, number: number): Promise<void> {
  const run = 'until test -e "$RUNNER_TEMP/all-have-ended"; do sleep 0.2; done';
  const job = await Job.create({ inputs: { run, daytona: 'false' }, env: { DOCKER_HOST: url } });
  try {
    const startedAt = performance.now();
    const main = await job.startMain();
    const cost = costOf(main, startedAt);
    await until('main has said whose the containers are', async () => (await job.session()) !== '');
    const own = { [labels.session]: await job.session() };
    const start = async (index: number) => {
      const container = await docker.createContainer({
        Image: image,
        Cmd: ['sh', '-c', `echo line ${index}; exit 3`],
        Labels: own,
        name: `bench-${process.pid}-${number}-${index}`,
        HostConfig: { NetworkMode: 'none', AutoRemove: index % 2 === 0 },
      });
      await container.start();
    };
    await Promise.all(Array.from({ length: number }, (_, index) => start(index)));
    const running = () => docker.listContainers({ filters: { label: [`${labels.session}=${own[labels.session]}`] } });
    await until('all have ended', async () => (await running()).length === 0);
    await job.touch('all-have-ended');
    await main.ended;

    const { deaths } = await job.report();
    const withCode = deaths.filter(({ exitCode }) => exitCode === 3);
    const indexOf = (name: string) => Number(name.split('-').at(-1));
    const withLine = deaths.filter(({ name, logTail }) => logTail.includes(`line ${indexOf(name)}`));
    const removed = withLine.filter(({ name }) => indexOf(name) % 2 === 0).length;
    console.log(
      `${number} containers: ${deaths.length} deaths, ${withCode.length} with code 3; ${removed} of ${Math.ceil(number / 2)} logs of --rm, ` +
        `${withLine.length - removed} of ${Math.floor(number / 2)} others; ${(await cost).memory.toFixed(0)} MiB at most`,
    );
    tally(deaths.filter((death) => !withCode.includes(death)).map(({ exitCode }) => `with code ${exitCode}, as the engine says`));
    tally(deaths.filter((death) => !withLine.includes(death)).map(({ logReason }) => `without: ${logReason ?? 'no reason!'}`));
    await job.post();
  } finally {
    await job.remove();
  }
}

function tally(words: readonly string[]): void {
  for (const word of new Set(words)) console.log(`  ${words.filter((each) => each === word).length} ${word}`);
}

const engine = await findOrStartEngine();
const docker = new Docker(dockerOptions({ url: engine.url, from: 'the benchmark' }));
const image = await busyboxImage(docker, `cleanup-action-bench:${process.pid}`);
try {
  console.log(`On ${engine.description}:`);
  for (const number of process.argv.slice(2).map(Number)) await measure(docker, engine.url, image, number);
} finally {
  await docker.getImage(image).remove({ force: true });
  await engine.stop();
}
