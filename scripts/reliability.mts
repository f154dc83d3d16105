/**
 * Runs the suites in which things go wrong, and writes what came of it to docs/reliability.md.
 * `npm run reliability -- 3` runs them three times. Writes nothing when a test fails: each test fails
 * when a resource is lost without a word, or a bystander is touched.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSection } from './reliability-document';

const root = join(import.meta.dirname, '..');

/** The parts of vitest's JSON report that are used. */
interface SuiteReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string; readonly duration?: number }[];
  }[];
}

interface Row {
  tries: number;
  worstMs: number;
}

async function runSuite(directory: string): Promise<SuiteReport> {
  const output = join(directory, 'report.json');
  const suites = ['--project', 'faults', '--project', 'unit', 'test/faults', 'test/unit/reaper/simulation.test.ts'];
  const vitest = spawn('npx', ['vitest', 'run', '--retry=0', ...suites], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TEST_REPORT: output },
  });
  const [code] = await once(vitest, 'exit');
  if (code !== 0) throw new Error(`a test failed (exit code ${code}): docs/reliability.md stays as it is`);
  return JSON.parse(await readFile(output, 'utf8')) as SuiteReport;
}

function add(rows: Map<string, Row>, { testResults }: SuiteReport): void {
  for (const { fullName, status, duration = 0 } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    if (status !== 'passed') continue;
    const row = rows.get(fullName) ?? { tries: 0, worstMs: 0 };
    rows.set(fullName, { tries: row.tries + 1, worstMs: Math.max(row.worstMs, duration) });
  }
}

function table(rows: ReadonlyMap<string, Row>): string {
  const lines = [...rows].map(
    ([name, { tries, worstMs }]) => `| ${name.replaceAll('|', '\\|')} | ${tries} | 0 | 0 | ${(worstMs / 1000).toFixed(1)} s |`,
  );
  return [
    '| Fault | Tries | Lost without a word | Wrongly touched | Worst time |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

const [, , count = '1'] = process.argv;
const directory = await mkdtemp(join(tmpdir(), 'reliability-'));
try {
  const rows = new Map<string, Row>();
  for (let run = 0; run < Number(count); run += 1) add(rows, await runSuite(directory));
  const machine = `Last run: ${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores, Node ${process.version}.`;
  await writeSection('faults', `${machine}\n\n${table(rows)}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
