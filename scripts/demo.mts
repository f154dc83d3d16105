/**
 * Shows the action at work: a benchmark that leaks 20 containers and five sandboxes runs through the built main, and the built post cleans
 * up after it, on the machine's engine or on a private one, and on a server that stands in for Daytona. Exits with 1 when anything is not
 * as promised.
 */
import Docker from 'dockerode';
import { dockerOptions } from '../src/providers/docker/connection/endpoint';
import { terminalOf } from '../src/report/terminal/terminal';
import { DaytonaServer } from '../test/support/daytona/server';
import { findOrStartEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { Job, type Step } from '../test/support/job/job';

/** Runs a step as the runner would, its log shown as it comes. */
async function show(title: string, step: Step): Promise<void> {
  console.log(`\n── ${title} ${'─'.repeat(Math.max(0, 76 - title.length))}`);
  step.onOutput((text) => process.stdout.write(text));
  const { exitCode } = await step.ended;
  console.log(`(exit code ${exitCode})`);
}

async function demo(docker: Docker, url: string, daytona: DaytonaServer): Promise<boolean> {
  const image = await busyboxImage(docker, `cleanup-action-demo:${process.pid}`);
  const bystander = await docker.createContainer({ Image: image, Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: 'none' } });
  const run = `tsx ${JSON.stringify(`${import.meta.dirname}/demo-benchmark.mts`)}`;
  const job = await Job.create({
    inputs: { run },
    env: { DOCKER_HOST: url, DEMO_IMAGE: image, DAYTONA_API_URL: daytona.url, DAYTONA_API_KEY: daytona.apiKey },
  });
  const sandbox = daytona.add({ name: 'somebody-elses' });
  try {
    await bystander.start();
    await show('main: pre-cleanup, then the benchmark', await job.startMain());
    job.status = 'failure';
    await show('post: the job has failed, and is cleaned up after', await job.startPost());

    const report = await job.report();
    const color = process.stdout.isTTY && !process.env['NO_COLOR'];
    console.log(`\n── the job summary ${'─'.repeat(60)}\n${terminalOf(report, { color, maxItems: 30 })}`);
    const survived = (await bystander.inspect()).State.Running && daytona.get(sandbox.id)?.state === 'started';
    console.log(
      `The container and the sandbox that belonged to nobody ${survived ? 'still run, as they must' : 'ARE GONE: this must never happen'}.`,
    );
    return survived && report.phases.post?.verified === true && report.phases.post.resources.length === 25;
  } finally {
    await bystander.remove({ force: true });
    await docker.getImage(image).remove({ force: true });
    await job.remove();
  }
}

const engine = await findOrStartEngine();
const daytona = await DaytonaServer.start({ transitionMs: 500 });
console.log(`Docker: ${engine.description}`);
try {
  const good = await demo(new Docker(dockerOptions({ url: engine.url, from: 'the demo' })), engine.url, daytona);
  if (!good) process.exitCode = 1;
} finally {
  await Promise.all([engine.stop(), daytona.close()]);
}
