import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { labels } from '../../src/core/labels';
import { start } from '../support/daytona/asking';
import type { DaytonaServer } from '../support/daytona/server';

const ROOT = resolve(import.meta.dirname, '../..');
const SESSION = 'gh-1234-1.0a1b2c3d.abcdefgh';
const page = readFileSync(join(ROOT, 'docs/daytona.md'), 'utf8');
const inputs: object = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')).inputs;
const run = promisify(execFile);

/** The page’s examples in a language. */
function examples(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code);
}

/** A directory where packages are found as in this project; removed after the test. */
async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cleanup-docs-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  return path;
}

/** Runs the TypeScript example as a reader would, and looks at the sandbox whose id it prints. */
async function runExample(server: DaytonaServer, env: Readonly<Record<string, string>>) {
  const [code = '', ...others] = examples('ts');
  expect(others, 'further examples that are not run').toEqual([]);
  const file = join(await directory(), 'benchmark.mts');
  await writeFile(file, code);
  const credentials = { DAYTONA_API_KEY: server.apiKey, DAYTONA_API_URL: server.url };
  const { stdout } = await run(process.execPath, [file], { env: { ...credentials, ...env }, timeout: 25_000 });
  return server.get(stdout.trim());
}

test('the TypeScript example makes a sandbox of the session, with an end of its own', async () => {
  const sandbox = await runExample(await start(), { CLEANUP_SESSION_ID: SESSION });
  expect(sandbox).toMatchObject({
    state: 'started',
    labels: { [labels.session]: SESSION },
    autoStopInterval: 60,
    autoDeleteInterval: 60,
    autoDestroyAt: expect.any(Number),
  });
});

test('the TypeScript example runs where no session is, too', async () => {
  const sandbox = await runExample(await start(), {});
  expect(Object.keys(sandbox?.labels ?? {})).not.toContain(labels.session);
  expect(sandbox?.state).toBe('started');
});

test('the Harbor example hands on the session’s label, and leaves all times to Harbor', async () => {
  const path = await directory();
  const heard = join(path, 'heard');
  await writeFile(join(path, 'harbor'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${heard}'\n`);
  await chmod(join(path, 'harbor'), 0o755);
  const [code = ''] = examples('sh');
  await run('sh', ['-euc', code], { env: { PATH: `${path}:${process.env['PATH']}`, CLEANUP_SESSION_ID: SESSION } });
  const words = (await readFile(heard, 'utf8')).trim().split('\n');
  const handed = words.flatMap((word, index) => (words[index - 1] === '--ek' ? [word.split('=', 2)] : []));
  expect(handed.map(([key, value = '']) => [key, JSON.parse(value)])).toEqual([['labels', { [labels.session]: SESSION }]]);
});

test('the Python example sets the session’s label and all three ends', () => {
  const [code = ''] = examples('python');
  expect(code).toContain(`labels={"${labels.session}": session}`);
  expect(code.match(/\w+(?==\d+,)/g)).toEqual(['auto_stop_interval', 'auto_delete_interval', 'ttl_minutes']);
});

test('the workflow uses inputs that the action has', () => {
  const [code = ''] = examples('yaml');
  const steps: readonly { readonly uses?: string; readonly with?: object }[] = parse(code).jobs.benchmark.steps;
  const used = steps.find(({ uses }) => uses?.startsWith('org/cleanup-action@'))?.with ?? {};
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(used)));
});

test('every setting that the page explains is one', () => {
  const explained = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  expect(explained).toContain('daytona-api-key');
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining(explained));
});
