import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dockerHost } from '../support/engine/own-engine';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/** As `npm pack --json` tells it; sizes are bytes. */
interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let directory: string;
let packed: Packed;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cleanup-package-'));
  await mkdir(join(directory, 'project'));
  await writeFile(join(directory, 'project', 'package.json'), '{ "private": true }\n');
  const { stdout } = await npm(root, 'pack', '--json', '--pack-destination', directory);
  [packed] = JSON.parse(stdout);
  // No registry is asked, and nothing is cached: what the package does not bring itself, it does not get.
  await npm(join(directory, 'project'), 'install', '--offline', tarball());
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function tarball(): string {
  return join(directory, packed.filename);
}

function npm(where: string, ...command: readonly string[]): Promise<{ readonly stdout: string }> {
  return execute('npm', ['--cache', join(directory, 'cache'), '--loglevel', 'error', ...command], {
    cwd: where,
    env: { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) },
  });
}

/** Runs the installed command line as its users do. */
async function installed(...command: readonly string[]): Promise<string> {
  const project = join(directory, 'project');
  const path = [join(project, 'node_modules', '.bin'), dirname(process.execPath), process.env['PATH']].join(delimiter);
  const env = {
    ...process.env,
    PATH: path,
    DOCKER_HOST: dockerHost,
    CLEANUP_STATE_DIRECTORY: join(directory, 'state'),
  };
  const { stdout } = await execute('cleanup-action', command, { cwd: project, env });
  return stdout;
}

it('packs the command line with its licences and the report’s schema, and nothing else', () => {
  expect(packed.files.map(({ path }) => path).sort()).toEqual([
    'LICENSE',
    'README.md',
    'dist/cli/index.js',
    'dist/cli/licenses.txt',
    'dist/kubernetes/index.js',
    'dist/kubernetes/licenses.txt',
    'dist/undici/index.js',
    'dist/undici/licenses.txt',
    'package.json',
    'schemas/report.schema.json',
  ]);
});

it('is no more than 1 MiB to fetch', () => {
  expect(packed.size).toBeLessThan(1024 ** 2);
});

it('brings no other packages with it', async () => {
  const packages = await readdir(join(directory, 'project', 'node_modules'));
  expect(packages.filter((name) => !name.startsWith('.'))).toEqual(['cleanup-action']);
});

it('tells its version', async () => {
  const { version }: { readonly version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  expect(await installed('--version')).toContain(version);
});

it('lists what is on an engine', async () => {
  expect(JSON.parse(await installed('list', '--json'))).toBeInstanceOf(Array);
});

it('is started by npx where it is not installed', async () => {
  const elsewhere = join(directory, 'elsewhere');
  await mkdir(elsewhere);
  const { stdout } = await npm(elsewhere, 'exec', '--offline', '--yes', '--package', tarball(), '--', 'cleanup-action', '--help');
  expect(stdout).toContain('cleanup-action sweep');
});

/** A Node before the one that the package needs, if the machine has one: what people have who did not read that. */
async function oldNode(): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const version = await execute(join(directory, 'node'), ['--version']).catch(() => undefined);
    if (version && Number(/\d+/.exec(version.stdout)?.[0]) < 24) return directory;
  }
  return undefined;
}

it('says which Node it needs when npx starts it with an older one', async ({ skip }) => {
  const directoryOfOld = await oldNode();
  if (directoryOfOld === undefined) return skip('the machine has no Node before 24');
  const empty = join(directory, 'empty');
  await mkdir(empty);
  const options = {
    cwd: empty,
    env: { ...process.env, PATH: [directoryOfOld, process.env['PATH']].join(delimiter) },
  };
  const npx = ['--cache', join(directory, 'cache'), '--offline', '--yes', '--package', tarball(), 'cleanup-action', 'list'];
  const failed = await execute('npx', npx, options).catch((error: { readonly stderr: string; readonly code: number }) => error);
  expect(failed.stderr).toMatch(/^error: cleanup-action needs Node 24 or newer; this is \d+\.\d+\.\d+ \(.*\)$/m);
  expect(failed.stderr, 'a stack trace').not.toContain('    at ');
  expect(failed).toMatchObject({ code: 2 });
});
