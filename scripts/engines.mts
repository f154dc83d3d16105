/**
 * Runs the integration, e2e and fault suites on each engine that can be had here, or on those that are named:
 * `npm run test:engines docker-26.1 docker-29`; or some suites: `npm run test:engines docker-29 e2e`. What has a slash is
 * passed to vitest, to run a part of a suite: `npm run test:engines podman-5.4 test/integration/recorder.test.ts`.
 * `--ci` tells of a named engine that can't be had here instead of failing, gives tests their second try, and keeps no result.
 * `--write` writes docs/engines.md from the last whole run of each suite, after the run, or alone without one: those of this machine, and
 * those of others that docs/engines.json has.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
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

/** Among the words. */
const AS_CI = '--ci';

type SuiteName = (typeof SUITES)[number];

const limitationsOf = (name: EngineName): readonly Limitation[] => ENGINE_KINDS[name].cannot;

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

async function runSuite(name: EngineName, suite: SuiteName, { paths, asCi }: Wanted, directory: string): Promise<SuiteResult> {
  const output = join(directory, `${name}-${suite}.json`);
  const without = limitationsOf(name).flatMap(({ file, test }) => (test === undefined ? ['--exclude', `test/${file}`] : []));
  const part = paths.length > 0 ? ['--passWithNoTests', ...paths] : [];
  const startedAt = performance.now();
  const tries = asCi ? [] : ['--retry=0'];
  const vitest = spawn('npx', ['vitest', 'run', '--project', suite, ...tries, ...without, ...part], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...asking(name), TEST_REPORT: output },
  });
  const [code] = await once(vitest, 'exit');
  const report = JSON.parse(await readFile(output, 'utf8')) as VitestReport;
  const counts = countsOf(name, report);
  const stale = part.length > 0 ? [] : staleLimitations(name, suite, report);
  const failed = [...counts.failed, ...stale];
  const date = new Date().toISOString().slice(0, 10);
  const isGreen = code === 0 && failed.length === 0;
  return { suite, date, seconds: (performance.now() - startedAt) / 1000, ...counts, failed, isGreen };
}

const testsOf = ({ testResults }: VitestReport) =>
  testResults.flatMap((file) => file.assertionResults.map((test) => ({ file: file.name, ...test })));

function countsOf(name: EngineName, report: VitestReport): Pick<SuiteResult, 'passed' | 'failed' | 'cannot' | 'skipped'> {
  const tests = testsOf(report);
  const idle = tests.filter(({ status }) => status === 'skipped' || status === 'pending');
  const cannot = idle.filter(({ file, fullName }) => limitationOf(name, file, fullName) !== undefined);
  const failures = tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
  // A file whose set-up failed has no tests that failed.
  const hasOwn = (file: string) => tests.some((test) => test.file === file && test.status === 'failed');
  const brokenFiles = report.testResults.filter((file) => file.status === 'failed' && !hasOwn(file.name));
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: [...failures, ...brokenFiles.map((file) => relative(root, file.name))],
    cannot: cannot.length,
    skipped: idle.length - cannot.length,
  };
}

/** A limitation that no test has any more hides nothing, and must not stay in the table. */
function staleLimitations(name: EngineName, suite: SuiteName, report: VitestReport): readonly string[] {
  const tests = testsOf(report);
  const isMet = ({ file, test = '' }: Limitation) =>
    tests.some((it) => it.file.endsWith(`test/${file}`) && it.fullName.includes(test));
  return limitationsOf(name)
    .filter(({ file, test }) => test !== undefined && file.startsWith(`${suite}/`))
    .filter((limitation) => !isMet(limitation))
    .map(({ file, test }) => `test/${file} has no test "${test}": take it out of the table of engines`);
}

async function runOn(name: EngineName, wanted: Wanted, directory: string): Promise<EngineResult> {
  let version: string;
  try {
    version = await prepare(name);
  } catch (error) {
    return { status: 'unavailable', reason: error instanceof Error ? error.message : String(error) };
  }
  console.log(`\n${name}: ${ENGINE_KINDS[name].title} (${version})`);
  const results: SuiteResult[] = [];
  for (const suite of wanted.suites) results.push(await runSuite(name, suite, wanted, directory));
  return { status: 'ran', version, suites: results };
}

const resultFile = (name: EngineName) => join(cacheDirectory(), 'results', `${name}.json`);

async function lastResult(name: EngineName): Promise<EngineResult> {
  return readFile(resultFile(name), 'utf8').then(
    (text) => JSON.parse(text) as EngineResult,
    () => ({ status: 'unavailable', reason: 'not tried yet' }),
  );
}

/** Keeps the results of whole suites; what is known of the engine's other suites stays. */
async function keep(name: EngineName, result: EngineResult): Promise<void> {
  const last = await lastResult(name);
  await mkdir(join(cacheDirectory(), 'results'), { recursive: true });
  await writeFile(resultFile(name), JSON.stringify(withSuitesOf(last, result), undefined, 2));
}

/** A result, with the suites of an earlier one that it lacks. */
function withSuitesOf(earlier: EngineResult | undefined, result: EngineResult): EngineResult {
  if (result.status !== 'ran' || earlier?.status !== 'ran') return result.status === 'ran' || !earlier ? result : earlier;
  const isNew = ({ suite }: SuiteResult) => result.suites.some((it) => it.suite === suite);
  return { ...result, suites: [...earlier.suites.filter((suite) => !isNew(suite)), ...result.suites] };
}

function lineOf(name: EngineName, result: EngineResult): string {
  if (result.status === 'unavailable') return `${name}: not run: ${result.reason}`;
  const suites = result.suites.map(({ suite, passed, failed, cannot, skipped, isGreen, seconds }) => {
    const counts = `${passed} passed, ${failed.length} failed, ${cannot} can’t, ${skipped} skipped by the tests`;
    return `  ${isGreen ? 'ok' : 'FAILED'} ${suite}: ${counts}, ${seconds.toFixed(0)} s`;
  });
  return [`${name}:`, ...suites].join('\n');
}

interface Wanted {
  readonly names: readonly EngineName[];
  readonly suites: readonly SuiteName[];
  readonly paths: readonly string[];
  readonly asCi: boolean;
  /** What can't be had here is a failure. */
  readonly isNeeded: boolean;
}

/** @throws when a word is no engine, suite or path */
function wantedBy(all: readonly string[]): Wanted {
  const words = all.filter((word) => word !== AS_CI);
  const names = words.filter(isEngineName);
  const suites = SUITES.filter((suite) => words.includes(suite));
  const paths = words.filter((word) => word.includes('/'));
  const unknown = words.filter((word) => !isEngineName(word) && !word.includes('/') && !SUITES.some((suite) => suite === word));
  if (unknown.length > 0) {
    throw new Error(
      `not an engine: ${unknown.join(', ')}. There are ${ENGINE_NAMES.join(', ')}; suites are ${SUITES.join(', ')}`,
    );
  }
  return {
    names: names.length > 0 ? names : ENGINE_NAMES,
    suites: suites.length > 0 ? suites : SUITES,
    paths,
    asCi: all.includes(AS_CI),
    isNeeded: names.length > 0 && !all.includes(AS_CI),
  };
}

/** @returns whether all of it is green */
async function runAll(all: Wanted): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'engines-'));
  try {
    const results = new Map<EngineName, EngineResult>();
    for (const name of all.names) {
      const result = await runOn(name, all, directory);
      results.set(name, result);
      if (all.paths.length === 0 && !all.asCi) await keep(name, result);
    }
    for (const [name, result] of results) console.log(lineOf(name, result));
    return [...results.values()].every((it) => (it.status === 'ran' ? it.suites.every(({ isGreen }) => isGreen) : !all.isNeeded));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function writeDocument(): Promise<void> {
  const path = join(root, 'docs', 'engines.json');
  const known: Readonly<Partial<Record<EngineName, EngineResult>>> = JSON.parse(await readFile(path, 'utf8'));
  const rows = await Promise.all(
    ENGINE_NAMES.map(async (name) => ({ name, result: withSuitesOf(known[name], await lastResult(name)) })),
  );
  const results = Object.fromEntries(
    rows.filter(({ name, result }) => result.status === 'ran' || name in known).map(({ name, result }) => [name, result]),
  );
  await writeFile(path, `${JSON.stringify(results, undefined, 2)}\n`);
  await writeFile(join(root, 'docs', 'engines.md'), enginesDocument(rows));
}

const words = process.argv.slice(2);
const isOnlyWriting = words.length === 1 && words[0] === '--write';
if (!isOnlyWriting && !(await runAll(wantedBy(words.filter((word) => word !== '--write'))))) process.exitCode = 1;
if (words.includes('--write')) await writeDocument();
