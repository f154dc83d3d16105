import { ENGINE_KINDS, type EngineName, type Limitation } from '../test/support/engine/engine-kinds';

/** One suite on one engine. */
export interface SuiteResult {
  readonly suite: string;
  readonly passed: number;
  /** The full names of the tests, or the files that could not be set up. */
  readonly failed: readonly string[];
  /** Tests that the engine can't pass, each with its reason in the table. */
  readonly cannot: number;
  /** Tests that skip themselves on this machine, whatever the engine. */
  readonly skipped: number;
  readonly seconds: number;
  readonly date: string;
  /** No test has failed, and vitest says the same. */
  readonly isGreen: boolean;
}

export type EngineResult =
  | { readonly status: 'ran'; readonly version: string; readonly suites: readonly SuiteResult[] }
  | { readonly status: 'unavailable'; readonly reason: string };

export interface EngineRow {
  readonly name: EngineName;
  readonly result: EngineResult;
}

const HEAD = `# Engines

The integration, e2e and fault suites run on each of these engines: \`npm run test:engines\` for all that
can be had on a machine, \`npm run test:engines docker-29\` for one. It needs root on Debian 12, and
debootstrap; Docker 29 is built with Go 1.26, gcc and libseccomp-dev. What is built is kept in
\`~/.cache/cleanup-action-engines\`. \`npm run test:engines -- --write\` writes this page from the last whole
run of each engine, on this machine or, as \`engines.json\` remembers, on another.

A number is of tests that passed, with the time that the suite took. A test that an engine can't pass is not run on it, and stands below
with its reason.
`;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function countOf({ passed, failed, cannot }: SuiteResult): string {
  const parts = [
    String(passed),
    ...(failed.length > 0 ? [`**${failed.length} failed**`] : []),
    ...(cannot > 0 ? [`${cannot} can’t`] : []),
  ];
  return parts.join(', ');
}

const SUITES = ['integration', 'e2e', 'faults'];

function rowOf({ name, result }: EngineRow): string {
  const { title, origin } = ENGINE_KINDS[name];
  const start = `| \`${name}\` | ${title} | ${origin} |`;
  if (result.status === 'unavailable') return `${start} not run: ${cell(result.reason)} | | | | |`;
  const counts = SUITES.map((suite) => {
    const found = result.suites.find((it) => it.suite === suite);
    return found ? `${countOf(found)} (${Math.round(found.seconds)} s)` : 'not run';
  });
  const dates = result.suites.map(({ date }) => date).toSorted();
  return `${start} ${cell(result.version)} | ${counts.join(' | ')} | ${dates.at(0) ?? ''} |`;
}

function limitationsOf(name: EngineName): readonly string[] {
  const { title, cannot } = ENGINE_KINDS[name];
  const limitations: readonly Limitation[] = cannot;
  const rows = limitations.map(({ file, test, why }) => `| \`test/${file}\` | ${cell(test ?? 'all of it')} | ${cell(why)} |`);
  if (rows.length === 0) return [];
  return [`### ${title}`, '', '| File | Tests | Why |', '| --- | --- | --- |', ...rows, ''];
}

function failuresOf({ name, result }: EngineRow): readonly string[] {
  if (result.status === 'unavailable') return [];
  const failed = result.suites.flatMap((suite) => suite.failed.map((test) => `- ${suite.suite}: ${test}`));
  return failed.length > 0 ? [`### ${ENGINE_KINDS[name].title}`, '', ...failed, ''] : [];
}

/** docs/engines.md, from the last run of each engine. */
export function enginesDocument(rows: readonly EngineRow[]): string {
  const failures = rows.flatMap(failuresOf);
  const lines = [
    HEAD,
    '| Name | Engine | From | Version | Integration | e2e | Faults | Run on |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(rowOf),
    '',
    '## What they can’t do',
    '',
    ...rows.flatMap(({ name }) => limitationsOf(name)),
    ...(failures.length > 0 ? ['## What failed in that run', '', ...failures] : []),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
