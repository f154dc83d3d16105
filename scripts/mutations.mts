/**
 * Breaks the product on purpose, one line at a time in a copy, and runs the unit tests: each break must make
 * one fail. `npm run mutations` writes the score to docs/reliability.md; `npm run mutations -- ladder retry`
 * tries those whose file or harm has one of these words, and writes nothing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MUTATIONS, type Mutation } from './mutations/table';
import { writeSection } from './reliability-document';

const root = join(import.meta.dirname, '..');

/** The tests of what is broken, and of what stands on it. */
const SUITES = ['core', 'session', 'reaper', 'providers', 'phases', 'lib'].map((room) => `test/unit/${room}`);

async function copyProject(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mutations-'));
  const parts = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.mts', 'docs', 'README.md'];
  await Promise.all(parts.map((part) => cp(join(root, part), join(directory, part), { recursive: true })));
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

/** @throws when the text doesn't stand in its file exactly once */
function mutated(source: string, { file, from, to }: Mutation): string {
  const places = source.split(from).length - 1;
  if (places !== 1) throw new Error(`src/${file} has ${places} times, not once: ${from}`);
  return source.replace(from, () => to);
}

/** Milliseconds. Tests that run for longer hang, and would fail in the end. Less once it is known what they take here. */
let hangsAfterMs = 900_000;

async function isGreen(directory: string, suites: readonly string[]): Promise<boolean> {
  const options = ['--project', 'unit', '--bail', '1', '--reporter', 'dot', '--passWithNoTests'];
  const vitest = spawn('npx', ['vitest', 'run', ...options, ...suites], {
    cwd: directory,
    stdio: 'ignore',
    detached: true, // A group of its own, to end its workers with it.
    env: { ...process.env, SIMULATION_RUNS: '1000' },
  });
  const hangs = setTimeout(() => process.kill(-(vitest.pid ?? 0), 'SIGKILL'), hangsAfterMs);
  const [code] = await once(vitest, 'exit');
  clearTimeout(hangs);
  return code === 0;
}

async function isCaught(directory: string, mutation: Mutation): Promise<boolean> {
  const path = join(directory, 'src', mutation.file);
  const source = await readFile(path, 'utf8');
  await writeFile(path, mutated(source, mutation));
  try {
    const near = join('test/unit', dirname(mutation.file)); // Most are caught there, in seconds.
    return !(await isGreen(directory, [near])) || !(await isGreen(directory, SUITES));
  } finally {
    await writeFile(path, source);
  }
}

async function writeScore(caught: readonly Mutation[]): Promise<void> {
  const score = `${caught.length} of ${MUTATIONS.length} breaks are caught (${new Date().toISOString().slice(0, 10)}).`;
  const rows = caught.map(({ file, harm }) => `| \`src/${file}\` | ${harm} |`);
  const table = ['| Broken | What it would do |', '| --- | --- |', ...rows].join('\n');
  await writeSection('mutations', `${score}\n\n${table}`);
}

const words = process.argv.slice(2);
const has =
  ({ file, harm }: Mutation) =>
  (word: string) =>
    `${file} ${harm}`.includes(word);
const wanted = words.length === 0 ? MUTATIONS : MUTATIONS.filter((mutation) => words.some(has(mutation)));
const directory = await copyProject();
try {
  for (const mutation of wanted) mutated(await readFile(join(root, 'src', mutation.file), 'utf8'), mutation);
  const startedAt = performance.now();
  if (!(await isGreen(directory, SUITES))) throw new Error('the tests fail without any break');
  hangsAfterMs = 60_000 + 3 * (performance.now() - startedAt);
  const caught: Mutation[] = [];
  for (const mutation of wanted) {
    const wasCaught = await isCaught(directory, mutation);
    if (wasCaught) caught.push(mutation);
    console.log(`${wasCaught ? 'caught  ' : 'SURVIVED'} src/${mutation.file}: ${mutation.harm}`);
  }
  console.log(`${caught.length} of ${wanted.length} caught`);
  if (caught.length < wanted.length) process.exitCode = 1;
  else if (words.length === 0) await writeScore(caught);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
