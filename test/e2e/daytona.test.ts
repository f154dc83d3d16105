import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { start } from '../support/daytona/asking';
import type { DaytonaServer } from '../support/daytona/server';
import { HEEDS_NO_SIGTERM, stateOf } from '../support/engine/containers';
import type { Inputs, Job } from '../support/job/job';
import { leak, newJob } from '../support/job/jobs';
import { textsIn } from '../support/texts-in';

/** A key that stands nowhere else. */
const KEY = 'dtn_the-key';

/** A job that knows the server and its key. */
async function jobWith(server: DaytonaServer, inputs: Inputs = {}): Promise<Job> {
  return newJob({ inputs: { docker: 'false', ...inputs }, env: { DAYTONA_API_URL: server.url, DAYTONA_API_KEY: server.apiKey } });
}

/** Types a command, where the key is in the environment. */
function shell(command: string, { apiKey }: DaytonaServer, path = process.env['PATH']): Promise<{ readonly stdout: string }> {
  return promisify(execFile)('sh', ['-c', command], { env: { PATH: path, DAYTONA_API_KEY: apiKey } });
}

describe('a job with sandboxes', () => {
  test('ends with nothing left of it, on Docker and on Daytona, and says so', async () => {
    const server = await start();
    const job = await jobWith(server, { docker: 'true', 'grace-period': '5s' });
    const bystander = server.add();
    const main = await job.main();
    expect(main.exitCode, main.output).toBe(0);
    const container = await leak(job, HEEDS_NO_SIGTERM);
    const own = { [labels.session]: await job.session() };
    for (let number = 0; number < 5; number += 1) server.add({ labels: own, name: `task-${number}` });

    const post = await job.post();

    expect(post.exitCode, post.output).toBe(0);
    expect(await stateOf(container)).toBe('gone');
    const { post: phase } = (await job.report()).phases;
    expect(phase).toMatchObject({ verified: true, totals: { graceful: 5, killed: 1 } });
    expect(phase?.resources.find(({ kind }) => kind === 'sandbox')).toMatchObject({
      provider: 'daytona',
      image: 'daytonaio/sandbox:0.4.3',
    });
    expect(phase?.providers.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'docker ready',
      'daytona ready',
      'kubernetes skipped',
    ]);
    expect(await job.summary()).toContain('Everything is gone: 1 container, 5 sandboxes');
    expect(server.get(bystander.id)?.state).toBe('started');
  });

  test('cleans first what earlier jobs on this runner left', async () => {
    const server = await start();
    const env = { DAYTONA_API_URL: server.url, DAYTONA_API_KEY: server.apiKey };
    const earlier = await newJob({ inputs: { docker: 'false' }, env });
    await earlier.main();
    const { id } = server.add({ labels: { [labels.session]: await earlier.session() } });

    const job = await newJob({ after: earlier, inputs: { docker: 'false' }, env });
    const main = await job.main();

    expect(main.output).toContain('Everything is gone: 1 sandbox');
    expect(server.get(id)).toBeUndefined();
    expect((await job.outputs()).get('removed')).toBe('1');
  });

  test('that has no engine still cleans Daytona', async () => {
    const server = await start();
    const job = await newJob({
      inputs: { 'docker-host': 'unix:///nowhere/docker.sock', retries: '0' },
      env: { DAYTONA_API_URL: server.url, DAYTONA_API_KEY: server.apiKey },
    });
    await job.main();
    const { id } = server.add({ labels: { [labels.session]: await job.session() } });

    await job.post();

    expect(server.get(id)).toBeUndefined();
    const providers = (await job.report()).phases.post?.providers.map(({ name, status }) => `${name} ${status}`);
    expect(providers).toEqual(['docker unavailable', 'daytona ready', 'kubernetes skipped']);
  });

  test('with scope: job says once that Daytona is out of its reach', async () => {
    const server = await start();
    const job = await jobWith(server, { docker: 'true', scope: 'job' });
    const main = await job.main();
    const { id } = server.add();

    const post = await job.post();

    expect(`${main.output}${post.output}`.match(/scope: job does not apply to Daytona/g)).toHaveLength(1);
    expect(server.get(id)?.state).toBe('started');
  });
});

describe('without a key', () => {
  test('Daytona is skipped, in one line', async () => {
    const job = await newJob();
    const { exitCode, output } = await job.main();
    expect(exitCode).toBe(0);
    expect(output.match(/daytona/gi)).toHaveLength(3); // Its name, and twice in what to set.
    expect(output).toContain('daytona: skipped: no API key: set daytona-api-key or DAYTONA_API_KEY');
  });

  test('daytona: true fails main, in one line', async () => {
    const job = await newJob({ inputs: { docker: 'false', daytona: 'true' } });
    const { exitCode, output } = await job.main();
    expect(exitCode).toBe(1);
    expect(output).toMatch(
      /^::error title=Pre-cleanup of session gh-\S+::daytona is set to true, and can’t be used: no API key: set daytona-api-key or DAYTONA_API_KEY$/m,
    );
  });
});

describe('a key that is refused', () => {
  test('is a warning with auto, and no retry: sandboxes may be there', async () => {
    const server = await start();
    const job = await newJob({ inputs: { docker: 'false' }, env: { DAYTONA_API_URL: server.url, DAYTONA_API_KEY: 'wrong-key' } });

    const { exitCode, output } = await job.main();

    expect(exitCode).toBe(0);
    expect(output).toMatch(
      /^::warning title=.*Daytona does not accept the key \(GET \/sandbox: 401 [^()]*\): check daytona-api-key/m,
    );
    expect(server.requests).toHaveLength(1);
    expect((await job.report()).phases.pre).toMatchObject({ verified: false });
  });

  test('for its rights is a warning with auto that names them', async () => {
    const server = await start();
    server.fault({ answer: { status: 403, message: 'Forbidden resource' } });
    const { exitCode, output } = await (await jobWith(server)).main();
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^::warning title=.*the key may not list sandboxes .* with write:sandboxes and delete:sandboxes/m);
  });

  test('is a warning as well when its address can’t be read, which is not shown: it may hold a password', async () => {
    const env = { DAYTONA_API_URL: 'https://me:hunter2@daytona.example/api', DAYTONA_API_KEY: KEY };
    const { exitCode, output } = await (await newJob({ inputs: { docker: 'false' }, env })).main();
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^::warning title=.*DAYTONA_API_URL can’t be read/m);
    expect(output).not.toContain('hunter2');
  });

  test('fails main where Daytona is required', async () => {
    const server = await start();
    const job = await newJob({
      inputs: { docker: 'false', daytona: 'true', 'daytona-api-key': 'wrong-key', 'daytona-api-url': server.url },
    });
    const { exitCode, output } = await job.main();
    expect(exitCode).toBe(1);
    expect(output).toMatch(
      /^::error title=Pre-cleanup of session gh-\S+::daytona is set to true, and can’t be used: Daytona does not accept the key/m,
    );
    expect(server.requests).toHaveLength(1);
  });

  test('in post only is reported as what it is: not cleaned up, with the command', async () => {
    const server = await start();
    const job = await jobWith(server);
    await job.main();

    const post = await job.post({ DAYTONA_API_KEY: 'expired' });

    expect(post.output).toContain('::warning');
    expect((await job.report()).phases.post).toMatchObject({
      verified: false,
      providers: [{}, { name: 'daytona', status: 'unavailable' }, { name: 'kubernetes', status: 'skipped' }],
    });
  });
});

test('a sandbox that Daytona fails to delete turns the all-clear into a warning, with the reason and a command that works', async () => {
  const server = await start();
  const job = await jobWith(server);
  await job.main();
  const { id } = server.add({ labels: { [labels.session]: await job.session() }, undeletable: 'runner did not answer' });

  const post = await job.post();

  expect(post.output).toMatch(/^::warning title=.*Daytona failed to delete it \(runner did not answer\)/m);
  const { post: phase } = (await job.report()).phases;
  expect(phase).toMatchObject({ verified: false, totals: { failed: 1 }, resources: [{ id, outcome: 'failed' }] });
  expect(await job.summary()).not.toContain('Everything is gone');
  const { stdout } = await shell(phase?.resources[0]?.command ?? '', server);
  expect(JSON.parse(stdout)).toMatchObject({ items: [{ id, errorReason: 'runner did not answer' }] });
});

test('the command for one that is left removes it, and keeps the key out of what ps shows', async () => {
  const server = await start();
  const job = await jobWith(server);
  await job.main();
  const { id } = server.add({ labels: { [labels.session]: await job.session() }, state: 'stopped' });
  server.fault({ method: 'DELETE', nth: 1, answer: { status: 400 } });
  await job.post();
  const command = (await job.report()).phases.post?.resources[0]?.command ?? '';
  const path = join(job.directory, 'bin');
  await mkdir(path);
  const seen = join(path, 'arguments');
  await writeFile(join(path, 'curl'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${seen}'\nexec /usr/bin/curl "$@"\n`, { mode: 0o755 });

  await shell(command, server, `${path}:${process.env['PATH']}`);

  await expect.poll(() => server.get(id), { timeout: 60_000 }).toBeUndefined();
  const shown = await readFile(seen, 'utf8');
  expect(shown).toContain(`/sandbox/${id}`);
  expect(shown).not.toContain(server.apiKey);
});

describe('an API that does not answer', () => {
  test('once is asked again, and Daytona is cleaned', async () => {
    const server = await start();
    server.fault({ nth: 1, answer: { status: 503, headers: { 'Retry-After': '0' } } });
    const job = await jobWith(server, { 'retry-delay': '10ms' });
    expect((await job.main()).output).toContain('daytona: ready');
  });

  test('is reported with auto, and main goes on', async () => {
    const server = await start();
    server.fault({ answer: { status: 503 } });
    const job = await jobWith(server, { 'retry-delay': '10ms' });

    const main = await job.main();

    expect(main.exitCode, main.output).toBe(0);
    expect(main.output).toMatch(/^::warning title=.*daytona can’t be reached/m);
    expect((await job.report()).phases.pre).toMatchObject({ verified: false });
  });

  test('fails main where Daytona is required', async () => {
    const server = await start();
    server.fault({ answer: { status: 503 } });
    const job = await jobWith(server, { daytona: 'true', 'retry-delay': '10ms' });
    expect(await job.main()).toMatchObject({ exitCode: 1 });
  });
});

test('the benchmark sees no input: the key may be one', async () => {
  const server = await start();
  const job = await newJob({
    inputs: { docker: 'false', 'daytona-api-key': KEY, 'daytona-api-url': server.url, run: 'env | sort' },
  });
  const { output } = await job.main();
  expect(output).toContain('CLEANUP_SESSION_ID=');
  expect(output).not.toMatch(/^INPUT_/m);
  expect(output.match(new RegExp(KEY, 'g'))).toHaveLength(1); // Where it is masked.
});

test('the command for what could not be reached removes it', async () => {
  const server = await start();
  const job = await jobWith(server, { retries: '0' });
  await job.main();
  const own = { [labels.session]: await job.session() };
  const sandboxes = [server.add({ labels: own, state: 'stopped' }), server.add({ labels: own })];
  const bystanders = [server.add({ name: 'web' }), server.add({ labels: { ...own, [labels.keep]: 'True', id: 'web' } })];
  server.fault({ method: 'GET', path: /^\/sandbox$/, nth: 1, answer: { status: 403 } });
  await job.post();
  const command = (await job.report()).phases.post?.providers.find(({ name }) => name === 'daytona')?.command ?? '';

  await shell(command, server);

  for (const { id } of sandboxes) await expect.poll(() => server.get(id), { timeout: 60_000 }).toBeUndefined();
  expect(bystanders.map(({ id }) => server.get(id)?.state)).toEqual(['started', 'started']);
});

describe('the key', () => {
  test.each(['input', 'environment'])('from the %s stands nowhere, and is masked', async (where) => {
    const server = await start();
    const inputs = where === 'input' ? { 'daytona-api-key': KEY } : {};
    const env = where === 'input' ? {} : { DAYTONA_API_KEY: KEY };
    const job = await newJob({ inputs: { docker: 'false', ...inputs }, env: { DAYTONA_API_URL: server.url, ...env } });
    const main = await job.main();
    server.add({ labels: { [labels.session]: await job.session() }, name: 'a-task' });
    server.fault({ method: 'DELETE', answer: { status: 400, message: `never ${KEY}` } });
    const post = await job.post();

    for (const { output } of [main, post]) {
      expect(output.match(new RegExp(KEY, 'g'))).toHaveLength(1);
      expect(output).toContain(`::add-mask::${KEY}`);
      expect(output.indexOf(KEY)).toBe(output.indexOf('::add-mask::') + '::add-mask::'.length);
    }
    for (const [path, text] of await textsIn(job.directory)) expect(text, path).not.toContain(KEY);
  });
});

describe('sandbox-ttl', () => {
  test('gives the session’s sandboxes an end of their own while run runs, and not others', async () => {
    const server = await start();
    const bystander = server.add();
    const ask = `curl -sS -H "Authorization: Bearer $DAYTONA_API_KEY" -H 'Content-Type: application/json'`;
    const create = `${ask} -d '{}' "$DAYTONA_API_URL/sandbox" | sed 's/.*"id":"\\([^"]*\\)".*/\\1/'`;
    const hasEnd = `${ask} "$DAYTONA_API_URL/sandbox/$id" | grep -q autoDestroyAt`;
    const job = await jobWith(server, { run: `id=$(${create}); until ${hasEnd}; do sleep 0.2; done`, 'sandbox-ttl': '5m' });
    const main = await job.main();
    expect(main.exitCode, main.output).toBe(0);
    expect(server.get(bystander.id)?.autoDestroyAt).toBeUndefined();
    expect((await job.post()).exitCode).toBe(0);
  });
});
