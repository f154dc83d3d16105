import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { readProcStat } from '../../src/lib/proc-stat';
import { processWith } from '../../src/lib/process-identity';
import { NO_PROXY } from '../../src/phases/proxy';
import { beginRenewal, endRenewal, renewalNotesFile } from '../../src/phases/renewal-notes';
import { launchProxy } from '../../src/proxy/launch';
import { start } from '../support/daytona/asking';
import type { DaytonaServer } from '../support/daytona/server';
import type { Inputs, Job, JobOptions } from '../support/job/job';
import { begunWatchedJob, companionsIn, companionsOf, watchedJob } from '../support/job/watched-job';
import { Worker } from '../support/job/worker';
import { BUNDLE } from '../support/proxy/proxy-process';
import { textsIn } from '../support/texts-in';
import { until } from '../support/until';

/** A key that stands nowhere else. */
const KEY = 'dtn_the-key';

/** Without a key in the environment, as where it is an input. */
function begun(server: DaytonaServer, inputs: Inputs = {}, options: JobOptions = {}) {
  const all = {
    docker: 'false',
    'daytona-api-key': server.apiKey,
    'daytona-api-url': server.url,
    'sandbox-ttl': '5m',
    ...inputs,
  };
  return begunWatchedJob(all, { ...options, env: { DAYTONA_API_URL: server.url, ...options.env } });
}

const CREATE = `curl -sS -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{}' "$DAYTONA_API_URL/sandbox"`;

/** A sandbox that a later step creates without a label: the proxy adds that. */
async function createdInStep(job: Job, env: Readonly<Record<string, string>>): Promise<string> {
  const { output } = await (await job.startStep(['sh', '-c', CREATE], { ...env, KEY })).ended;
  return JSON.parse(output).id;
}

const hasEnd = (server: DaytonaServer, id: string) => server.get(id)?.autoDestroyAt !== undefined;

describe('sandbox-ttl beside later steps', () => {
  test('gives the session’s sandboxes an end of their own, and not others, and ends with post', async () => {
    const server = await start();
    const { job, env, session } = await begun(server);
    const soon = Date.now() + 60_000;
    const untouched = [
      server.add(),
      server.add({ labels: { [labels.session]: `${session}-2` } }),
      server.add({ labels: { [labels.session]: session, [labels.keep]: 'true' } }),
      server.add({ labels: { [labels.session]: session }, autoDestroyAt: soon }),
    ];
    const id = await createdInStep(job, env);

    await until('it has an end', () => hasEnd(server, id));

    const [first] = server.requests.filter(({ method, path }) => method === 'POST' && path.startsWith(`/sandbox/${id}/ttl/`));
    expect(server.get(id)?.autoDestroyAt).toBeGreaterThanOrEqual((first?.at ?? Number.NaN) + 5 * 60_000);
    expect(untouched.map((one) => server.get(one.id)?.autoDestroyAt)).toEqual([undefined, undefined, undefined, soon]);
    const post = await job.post();
    expect(post.exitCode, post.output).toBe(0);
    expect(post.output).not.toContain('Sandbox TTL');
    expect(server.get(id)).toBeUndefined();
    await until('nothing renews', async () => (await companionsOf(job)).length === 0);
    expect(untouched.slice(0, 3).map((one) => server.get(one.id)?.state)).toEqual(['started', 'started', 'started']);
  });

  test('says so in one line, and leaves the key in no argument, no environment and no file', async () => {
    const server = await start();
    const { job, worker } = await watchedJob(
      { docker: 'false', 'daytona-api-key': server.apiKey, 'sandbox-ttl': '5m', watchdog: 'false' },
      { env: { DAYTONA_API_URL: server.url } },
    );
    const { output } = await job.main();
    expect(output.match(/renewed/g)).toHaveLength(1);
    expect(output).toContain('The session’s sandboxes end by themselves 5m after they were renewed last');
    const { id } = server.add({ labels: { [labels.session]: await job.session() } });
    await until('it has an end', () => hasEnd(server, id));
    const companions = await companionsOf(job);
    expect(companions.length).toBeGreaterThan(1);
    for (const pid of companions) {
      for (const file of ['cmdline', 'environ']) expect(await readFile(`/proc/${pid}/${file}`, 'utf8')).not.toContain(KEY);
    }
    const texts = await textsIn(job.directory);
    expect([...texts.keys()].map((path) => basename(path))).toContain('sandbox-ttl.txt');
    for (const [path, text] of texts) expect(text, path).not.toContain(KEY);
    await worker.kill();
    await until('nothing renews', async () => (await companionsOf(job)).length === 0);
  });

  test('needs neither the proxy nor the watchdog', async () => {
    const server = await start();
    const { job, session } = await begun(server, { proxy: 'false', watchdog: 'false' });
    const { id } = server.add({ labels: { [labels.session]: session } });
    await until('it has an end', () => hasEnd(server, id));
    await job.post();
    await until('nothing renews', async () => (await companionsOf(job)).length === 0);
  });

  test('says in post what went wrong', async () => {
    const server = await start({ knowsTtl: false });
    const { job, session } = await begun(server);
    const { id } = server.add({ labels: { [labels.session]: session } });
    await until('it was tried', () => server.count('POST', new RegExp(`/${id}/ttl/`)) > 0);
    const warnings = join(job.temp, 'cleanup-action', session, 'sandbox-ttl.txt.warnings');
    await until('it was noted', async () => (await readFile(warnings, 'utf8').catch(() => '')).endsWith('\n'));
    const { output } = await job.post();
    expect(output).toMatch(/^::warning title=Sandbox TTL.*daytona’s sandboxes may not end by themselves: it knows no TTL/m);
  });

  test.for([
    ['run', { run: 'true' }],
    ['dry-run', { 'dry-run': 'true' }],
    ['daytona: false', { daytona: 'false' }],
  ] as const)('is not the companion’s with %s', async ([, inputs]) => {
    const server = await start();
    const { job, session } = await begun(server, inputs);
    expect(await readdir(join(job.temp, 'cleanup-action', session))).not.toContain('sandbox-ttl.txt');
  });
});

const SESSION = 'test-session';

/** A minute of the server's, and the time to live: two looks and a half. */
const QUICK = { minuteMs: 6_000 };

/** The built companion of a worker, with a time to live that tests can wait for. */
async function companion(server: DaytonaServer) {
  const worker = await Worker.start();
  const directory = await mkdtemp(join(tmpdir(), 'renewed-'));
  const lifeline = join(directory, 'lifeline');
  const notes = renewalNotesFile(directory);
  const alive = () => companionsIn(directory);
  onTestFinished(async () => {
    await worker.kill();
    await until('it has ended', async () => (await alive()).length === 0);
    await rm(directory, { recursive: true });
  });
  await beginRenewal(notes);
  const { renews } = await launchProxy({
    program: [BUNDLE],
    settings: {
      ...NO_PROXY,
      lifeline,
      owner: processWith(worker.pid ?? 0),
      renewal: { sessionId: SESSION, ttlMs: QUICK.minuteMs, notes },
    },
    log: join(directory, 'log'),
    env: process.env,
    confidence: { environment: {}, access: { url: server.url, token: server.apiKey, proxy: '' } },
  });
  expect(renews).toBe(true);
  return { worker, directory, alive };
}

/** One that was renewed for longer than its time. */
async function longRenewed(server: DaytonaServer): Promise<string> {
  const { id } = server.add({ labels: { [labels.session]: SESSION } });
  await until('it was renewed for more than its time', () => renewals(server, id) >= 4);
  expect(server.get(id)?.state).toBe('started');
  return id;
}

const renewals = (server: DaytonaServer, id: string) => server.count('POST', new RegExp(`^/sandbox/${id}/ttl/`));

describe('the process that renews', () => {
  test('goes on as long as the worker lives; then nothing does, and the sandbox ends by itself', async () => {
    const server = await start(QUICK);
    const { worker, alive } = await companion(server);
    const theirs = server.add();
    const id = await longRenewed(server);

    await worker.kill();

    await until('it has ended', async () => (await alive()).length === 0);
    const given = renewals(server, id);
    await until('the sandbox has ended', () => server.get(id) === undefined);
    expect(renewals(server, id)).toBe(given);
    expect([server.get(theirs.id)?.state, server.get(theirs.id)?.autoDestroyAt]).toEqual(['started', undefined]);
  });

  test('is replaced when it is killed, and the other knows what was given time', async () => {
    const server = await start(QUICK);
    const { alive } = await companion(server);
    const id = await longRenewed(server);
    const both = await alive();
    // The one that was started by the other renews only when it is alone.
    const first = both.find((pid) => !both.includes(readProcStat(pid)?.parent ?? 0)) ?? 0;

    process.kill(first, 'SIGKILL');

    const given = renewals(server, id);
    await until('it was renewed for more than its time', () => renewals(server, id) >= given + 4);
    expect(server.get(id)?.state).toBe('started');
    expect(await alive()).not.toContain(first);
  });

  test('is stopped by post, and lives on', async () => {
    const server = await start(QUICK);
    const { directory, alive } = await companion(server);
    const id = await longRenewed(server);

    expect(await endRenewal(directory)).toEqual([]);

    await until('the sandbox has ended', () => server.get(id) === undefined);
    expect(await alive()).toHaveLength(2);
  });
});
