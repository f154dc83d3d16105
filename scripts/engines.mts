/**
 * Runs the integration, e2e and fault suites on each engine that can be had here, or on those that are named:
 * `npm run test:engines docker-26.1 docker-29`. What has a slash is passed to vitest, to run a part of the suites:
 * `npm run test:engines podman-5.4 test/integration/recorder.test.ts`. `--write` writes docs/engines.md from the last
 * whole run of each engine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareDebian13 } from '../test/support/engine/debian-13';
import { prepareDocker29 } from '../test/support/engine/docker-29';
import { PrivateEngine } from '../test/support/engine/engine';
import { cacheDirectory } from '../test/support/engine/engine-cache';
import {
  asking,
  ENGINE_KINDS,
  ENGINE_NAMES,
  type EngineKind,
  type EngineName,
  isEngineName,
  type Limitation,
  limitationOf,
} from '../test/support/engine/engine-kinds';
import { type EngineResult, enginesDocument, type SuiteResult } from './engines-document';

const root = join(import.meta.dirname, '..');

const SUITES = ['integration', 'e2e', 'faults'] as const;

/** The parts of vitest's JSON report that are used. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const PREPARATIONS = { 'debian-13': prepareDebian13, 'docker-29': prepareDocker29 };

/**
 * Makes what the engine needs, and starts it once.
 * @returns its version
 * @throws when it can't be had here
 */
async function prepare(name: EngineName): Promise<string> {
  const kind: EngineKind = ENGINE_KINDS[name];
  if (kind.needs) await PREPARATIONS[kind.needs]();
  const engine = await PrivateEngine.start({ name });
  try {
    const { Version, ApiVersion } = await engine.docker.version();
    const { Driver } = await engine.docker.info();
    return `${Version}, API ${ApiVersion}, ${Driver}`;
  } finally {
    await engine.stop();
  }
}

async function runSuite(name: EngineName, suite: string, paths: readonly string[], directory: string): Promise<SuiteResult> {
  const output = join(directory, `${name}-${suite}.json`);
  const excluded = ENGINE_KINDS[name].cannot.filter((it: Limitation) => it.test === undefined);
  const without = excluded.flatMap(({ file }) => ['--exclude', `test/${file}`]);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${output}`];
  const startedAt = performance.now();
  const vitest = spawn('npx', ['vitest', 'run', '--passWithNoTests', '--project', suite, ...without, ...reporters, ...paths], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...asking(name) },
  });
  const [code] = await once(vitest, 'exit');
  const report = JSON.parse(await readFile(output, 'utf8')) as VitestReport;
  return { suite, seconds: (performance.now() - startedAt) / 1000, exitCode: Number(code ?? 1), ...countsOf(name, report) };
}

function countsOf(
  name: EngineName,
  { testResults }: VitestReport,
): Pick<SuiteResult, 'passed' | 'failed' | 'cannot' | 'skipped'> {
  const tests = testResults.flatMap((file) => file.assertionResults.map((test) => ({ file: file.name, ...test })));
  const idle = tests.filter(({ status }) => status === 'skipped' || status === 'pending');
  const cannot = idle.flatMap(({ file, fullName }) => limitationOf(name, file, fullName) ?? []);
  // A file whose set-up failed has no tests that failed.
  const brokenFiles = testResults.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0);
  const failures = tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: [...failures, ...brokenFiles.map((file) => file.name)],
    cannot: cannot.length,
    skipped: idle.length - cannot.length,
  };
}

async function runOn(name: EngineName, paths: readonly string[], directory: string): Promise<EngineResult> {
  const startedAt = performance.now();
  const date = new Date().toISOString().slice(0, 10);
  try {
    const version = await prepare(name);
    console.log(`\n${name}: ${ENGINE_KINDS[name].title} (${version})`);
    const suites: SuiteResult[] = [];
    for (const suite of SUITES) suites.push(await runSuite(name, suite, paths, directory));
    return { status: 'ran', date, version, suites, seconds: (performance.now() - startedAt) / 1000 };
  } catch (error) {
    return { status: 'unavailable', date, reason: error instanceof Error ? error.message : String(error) };
  }
}

const resultFile = (name: EngineName) => join(cacheDirectory(), 'results', `${name}.json`);

async function keep(name: EngineName, result: EngineResult): Promise<void> {
  await mkdir(join(cacheDirectory(), 'results'), { recursive: true });
  await writeFile(resultFile(name), JSON.stringify(result, undefined, 2));
}

async function lastResult(name: EngineName): Promise<EngineResult> {
  return readFile(resultFile(name), 'utf8').then(
    (text) => JSON.parse(text) as EngineResult,
    () => ({ status: 'unavailable', date: '', reason: 'it was not run' }),
  );
}

function lineOf(name: EngineName, result: EngineResult): string {
  if (result.status === 'unavailable') return `${name}: not run: ${result.reason}`;
  const suites = result.suites.map(({ suite, passed, failed, cannot, skipped, exitCode, seconds }) => {
    const counts = `${passed} passed, ${failed.length} failed, ${cannot} can’t, ${skipped} skipped by the tests`;
    return `  ${suite}: ${counts}, exit code ${exitCode}, ${seconds.toFixed(0)} s`;
  });
  return [`${name}: ${result.seconds.toFixed(0)} s`, ...suites].join('\n');
}

const hasFailed = (result: EngineResult) => result.status === 'ran' && result.suites.some(({ exitCode }) => exitCode !== 0);

const words = process.argv.slice(2);
const paths = words.filter((word) => word.includes('/'));
const named = words.filter((word) => !word.includes('/') && word !== '--write');
const unknown = named.filter((name) => !isEngineName(name));
if (unknown.length > 0) throw new Error(`no such engine: ${unknown.join(', ')}. There are ${ENGINE_NAMES.join(', ')}`);
const write = words.includes('--write');
const names = named.length > 0 ? named.filter(isEngineName) : write ? [] : ENGINE_NAMES;
const directory = await mkdtemp(join(tmpdir(), 'engines-'));
try {
  const results = new Map<EngineName, EngineResult>();
  for (const name of names) {
    const result = await runOn(name, paths, directory);
    results.set(name, result);
    if (paths.length === 0) await keep(name, result);
  }
  for (const [name, result] of results) console.log(lineOf(name, result));
  const isMissing = named.length > 0 && [...results.values()].some(({ status }) => status === 'unavailable');
  if (isMissing || [...results.values()].some(hasFailed)) process.exitCode = 1;
  if (write) {
    const rows = await Promise.all(ENGINE_NAMES.map(async (name) => ({ name, result: await lastResult(name) })));
    await writeFile(join(root, 'docs', 'engines.md'), enginesDocument(rows));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
