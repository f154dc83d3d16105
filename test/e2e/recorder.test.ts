import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import {
  type ContainerOptions,
  createContainer,
  HONOURS_SIGTERM,
  removeContainer,
  startContainer,
  stateOf,
} from '../support/engine/containers';
import type { Job } from '../support/job/job';
import { leak, newJob } from '../support/job/jobs';
import { until } from '../support/until';

/** A benchmark that lasts until it is told that it is enough. */
const UNTIL_ENOUGH = 'echo started; while [ ! -e "$RUNNER_TEMP/enough" ]; do sleep 0.1; done';

const script = (text: string) => ['sh', '-c', text];

const logsOf = async (job: Job) => (await job.outputs()).get('logs') ?? '';

/** What is in the logs of a directory so far: one that is being written has another name. */
async function logsIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(directory, name), 'utf8').catch(() => '')));
}

/** As the benchmark does: past the proxy, the first lines of a log may come twice, with a line that says so. */
async function startThroughProxy(
  job: Job,
  command: readonly string[],
  options: ContainerOptions = {},
): Promise<Docker.Container> {
  const container = await createContainer(command, { ...options, labels: { [labels.session]: await job.session() } });
  const socketPath = (await job.exported()).get('DOCKER_HOST')?.slice('unix://'.length) ?? '';
  await new Docker({ socketPath }).getContainer(container.id).start();
  return container;
}

describe('containers that end while the benchmark runs', () => {
  test('are deaths in main’s report, with their logs in the directory that the output names', async () => {
    const job = await newJob({ inputs: { run: UNTIL_ENOUGH } });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const stays = await startThroughProxy(job, script('echo stays; exit 3'));
    await until('the first has ended', async () => (await stateOf(stays)) === 'exited');
    const lingering = script('echo leaves; until [ -e /tmp/go ]; do sleep 0.05; done; exit 4');
    const leaves = await startThroughProxy(job, lingering, { hostConfig: { AutoRemove: true } });
    await until('its log is followed', async () => (await logsIn(await logsOf(job))).some((log) => log.includes(' leaves\n')));
    await (await leaves.exec({ Cmd: ['touch', '/tmp/go'] })).start({ Detach: true });
    await until('both have ended', async () => (await stateOf(leaves)) === 'gone');

    await job.touch('enough');
    const { exitCode, output } = await main.ended;

    expect(exitCode, output).toBe(0);
    const { deaths } = await job.report();
    expect(deaths).toMatchObject([
      { id: stays.id, exitCode: 3, logReason: null, logTail: ['stays'] },
      { id: leaves.id, exitCode: 4, logReason: null, logTail: ['leaves'] },
    ]);
    const files = deaths.map(({ logFile }) => logFile ?? '').toSorted();
    const directory = await logsOf(job);
    expect((await readdir(directory)).map((name) => join(directory, name)).toSorted()).toEqual(files);
  });

  test('are still in the report when post has written its own, each once', async () => {
    const job = await newJob({ inputs: { run: UNTIL_ENOUGH } });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await leak(job, script('echo line; exit 3'));
    await until('it has ended', async () => (await stateOf(container)) === 'exited');
    await job.touch('enough');
    await main.ended;

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect((await job.report()).deaths).toMatchObject([{ id: container.id, exitCode: 3, logTail: ['line'] }]);
    expect(await stateOf(container)).toBe('gone');
  });

  test('have their logs kept before exited-ttl removes them', async () => {
    const job = await newJob({ inputs: { run: UNTIL_ENOUGH, 'exited-ttl': '500ms' } });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await leak(job, script('echo line; exit 3'));
    await until('it is gone', async () => (await stateOf(container)) === 'gone');

    await job.touch('enough');
    await main.ended;

    expect((await job.report()).deaths).toMatchObject([{ id: container.id, exitCode: 3, logTail: ['line'] }]);
  });

  test('with scope: job need no label', async () => {
    const job = await newJob({ inputs: { run: UNTIL_ENOUGH, scope: 'job' } });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await startContainer(script('echo line; exit 3'));
    await until('it has ended', async () => (await stateOf(container)) === 'exited');
    await job.touch('enough');
    await main.ended;
    await removeContainer(container);

    const { deaths } = await job.report();
    expect(deaths.filter(({ id }) => id === container.id)).toMatchObject([{ exitCode: 3, logTail: ['line'] }]);
  });

  test('show no secrets of the environment', async () => {
    const job = await newJob({ inputs: { run: UNTIL_ENOUGH }, env: { MODEL_API_KEY: 'swordfish-1234' } });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await leak(job, script('echo "key: swordfish-1234"; exit 3'));
    await until('it has ended', async () => (await stateOf(container)) === 'exited');
    await job.touch('enough');
    await main.ended;

    const [death] = (await job.report()).deaths;
    expect(death?.logTail).toEqual(['key: ***']);
    expect(await readFile(death?.logFile ?? '', 'utf8')).toMatch(/ key: \*\*\*\n$/);
  });
});

describe('main', () => {
  test('is away soon after SIGINT, with the deaths so far', async () => {
    // Without the trap, bash goes on when the signal comes just as its `sleep` ends by itself.
    const job = await newJob({ inputs: { run: `trap 'exit 130' INT; ${UNTIL_ENOUGH}` } });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const failed = await leak(job, script('echo line; exit 3'));
    await leak(job, HONOURS_SIGTERM, { hostConfig: { AutoRemove: true } });
    await until('it has ended', async () => (await stateOf(failed)) === 'exited');
    const startedAt = performance.now();

    main.kill('SIGINT');
    const { exitCode, output } = await main.ended;

    expect(performance.now() - startedAt, output).toBeLessThan(7_000);
    expect(exitCode).toBe(130);
    expect((await job.report()).deaths).toMatchObject([{ id: failed.id, exitCode: 3 }]);
    await job.post();
  });

  test('that was killed has its deaths told by post', async () => {
    const job = await newJob({ inputs: { run: UNTIL_ENOUGH } });
    const main = await job.startMain();
    await until('the benchmark runs', () => main.output.includes('started'));
    const container = await leak(job, script('echo line; exit 3'));
    await until('it has ended', async () => (await stateOf(container)) === 'exited');

    main.kill('SIGKILL'); // The benchmark, which has its output, lives on: it is post that ends it.
    await job.post();

    expect((await job.report()).deaths).toMatchObject([{ id: container.id, exitCode: 3, logTail: ['line'] }]);
  });
});

describe('without run', () => {
  test('post tells how the session’s containers have ended, with the logs of those that failed, and removes all', async () => {
    const job = await newJob();
    await job.main();
    const failed = await leak(job, script('echo line; exit 3'));
    await until('the first has ended', async () => (await stateOf(failed)) === 'exited');
    const well = await leak(job, script('echo line'));
    await until('both have ended', async () => (await stateOf(well)) === 'exited');

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect((await job.report()).deaths).toMatchObject([
      { id: failed.id, exitCode: 3, logTail: ['line'], logReason: null },
      { id: well.id, exitCode: 0, logFile: null, logReason: 'it did not fail, and logs is failed' },
    ]);
    expect([await stateOf(failed), await stateOf(well)]).toEqual(['gone', 'gone']);
  });

  test('post keeps all logs with logs: all, also of what still runs', async () => {
    const job = await newJob({ inputs: { logs: 'all', 'logs-path': `$RUNNER_TEMP/kept-${inject('product')}` } });
    await job.main();
    const well = await leak(job, script('echo line'));
    const running = await leak(job, HONOURS_SIGTERM);
    await until('it has ended', async () => (await stateOf(well)) === 'exited');

    await job.post();

    const logs = await logsIn(await logsOf(job));
    expect(logs.map((log) => log.split(' ').at(-1)).toSorted()).toEqual(['line\n', 'ready\n']);
    expect(await stateOf(running)).toBe('gone');
  });

  test('post removes what it should though no log can be written', async () => {
    const job = await newJob({ inputs: { 'logs-path': '/dev/null/logs' } });
    await job.main();
    const container = await leak(job, script('echo line; exit 3'));
    await until('it has ended', async () => (await stateOf(container)) === 'exited');

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await stateOf(container)).toBe('gone');
    expect((await job.report()).deaths).toMatchObject([{ logFile: null, logReason: expect.stringContaining('ENOTDIR') }]);
  });
});
