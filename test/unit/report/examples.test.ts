import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { metricsOf } from '../../../src/report/metrics';
import type { Report } from '../../../src/report/model';
import { promtool } from '../../support/report/promtool';
import { disk, failed, phase, provider, report, resource, step } from '../../support/report/sample';
import { scenarios } from '../../support/report/scenarios';

const root = join(import.meta.dirname, '../../..');
const ALERTS = join(root, 'examples/prometheus-alerts.yml');
const DASHBOARD = join(root, 'examples/grafana-dashboard.json');
const METRICS_DOC = join(root, 'docs/metrics.md');

const NAME = /cleanup_action_\w+/g;

/** Every name that a query can ask for, and every label it can ask about. */
async function offered(): Promise<{
  readonly names: ReadonlySet<string>;
  readonly families: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
}> {
  const goals = report({ pre: phase([], { disk: [disk()] }) });
  const text = `${await metricsOf(scenarios.failures())}\n${await metricsOf(goals)}`;
  return {
    names: new Set(text.match(/^cleanup_action_\w+/gm)),
    families: new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name)),
    labels: new Set([...text.matchAll(/(\w+)="/g)].map(([, label = '']) => label)),
  };
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** The dashboard's queries, its variables filled in. */
async function queries(of?: string): Promise<readonly string[]> {
  const { panels }: { readonly panels: readonly Panel[] } = JSON.parse(await readFile(DASHBOARD, 'utf8'));
  const wanted = panels.filter(({ title }) => of === undefined || title === of);
  return wanted.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr.replace(/\$\w+/g, '.*')));
}

/** The query of the panel with this title. */
async function panel(title: string): Promise<string> {
  const [query, ...others] = await queries(title);
  if (query === undefined || others.length > 0) throw new Error(`there is no such panel, or several: ${title}`);
  return query;
}

/** A report's metrics as Prometheus would have them for ten minutes from a machine's node_exporter. */
async function seriesOf(made: Report): Promise<readonly { readonly series: string; readonly values: string }[]> {
  const samples = (await metricsOf(made)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return samples.map((line) => {
    const [, name = '', labels, value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return { series: `${name}{${[labels, 'instance="machine"'].filter(Boolean).join(',')}}`, values: `${value}x10` };
  });
}

/**
 * Asks Prometheus about a report's metrics.
 * @param expected what it should answer, by the labels of each sample
 * @returns what it has to say against it; nothing where it answers just so
 */
async function objections(made: Report, expr: string, expected: Readonly<Record<string, number>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'examples-'));
  const samples = Object.entries(expected).map(([labels, value]) => ({ labels: `{${labels}}`, value }));
  const test = {
    interval: '1m',
    input_series: await seriesOf(made),
    promql_expr_test: [{ expr, eval_time: '5m', exp_samples: samples }],
  };
  const file = join(directory, 'test.yml');
  await writeFile(file, stringify({ rule_files: [ALERTS], evaluation_interval: '1m', tests: [test] }));
  const said = promtool(['test', 'rules', file]);
  await rm(directory, { recursive: true });
  return said;
}

describe.each([
  ['the alert rules', ALERTS],
  ['the dashboard', DASHBOARD],
])('%s', (_, path) => {
  it('ask for metrics that there are', async () => {
    const asked = (await readFile(path, 'utf8')).match(NAME) ?? [];
    const { names } = await offered();
    expect(asked).not.toEqual([]);
    expect(asked.filter((name) => !names.has(name))).toEqual([]);
  });

  it('ask about labels that there are', async () => {
    const { labels } = await offered();
    const asked = [...(await readFile(path, 'utf8')).matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)\s*\\?"/g)].map(
      ([, label = '']) => label,
    );
    // Prometheus adds the machine that it asked.
    expect(asked.filter((label) => label !== 'instance' && !labels.has(label))).toEqual([]);
  });
});

describe('the alert rules', { timeout: 60_000 }, () => {
  it('are rules that Prometheus takes', () => {
    expect(promtool(['check', 'rules', '--lint-fatal', ALERTS])).toBe('');
  });
});

describe('an alert', { timeout: 60_000 }, () => {
  const providers = [provider()];
  const lost = [provider({ status: 'unavailable', reason: 'no answer' })];
  const exited = failed({ id: 'exited' });
  const kept = resource({ outcome: 'kept', reason: 'it is labelled so' });

  it.each<[string, readonly string[], Parameters<typeof report>[0]]>([
    ['none where all is gone', [], { post: phase([resource()], { providers }) }],
    ['one where something is left', ['CleanupLeftovers'], { post: phase([failed()], { providers, verified: false }) }],
    [
      'none where post removed what could not be removed while the benchmark ran',
      [],
      { run: phase([exited], { providers }), post: phase([{ ...exited, outcome: 'removed' }], { providers }) },
    ],
    [
      'one of its own where pre-cleanup could not remove something',
      ['CleanupEarlierLeftovers', 'CleanupFoundLeftovers'],
      { pre: phase([failed()], { providers, verified: false }), post: phase([resource()], { providers }) },
    ],
    [
      'one where a provider could not be reached',
      ['CleanupProviderUnreachable'],
      { post: phase([], { providers: lost, verified: false }) },
    ],
    [
      'none where the end of the benchmark cut a look short',
      [],
      { run: phase([], { providers: lost, verified: false }), post: phase([resource()], { providers }) },
    ],
    [
      'one where no last listing could be had, whatever else was kept',
      ['CleanupUnverified'],
      { pre: phase([kept], { providers }), post: phase([resource(), kept], { providers, verified: false }) },
    ],
    ['none in a dry run', [], { post: phase([resource({ outcome: 'planned' })], { providers, dryRun: true, verified: false }) }],
    ['none where post-cleanup kept everything', [], { post: phase([kept], { providers, verified: false }) }],
    ['none where everything was skipped', [], { post: phase([], { providers: [provider({ status: 'skipped' })] }) }],
    [
      'one near the deadline',
      ['CleanupDeadlineNear'],
      { post: phase([], { providers, durationMs: 200_000, deadlineMs: 240_000 }) },
    ],
  ])('is %s', async (_, names, changes) => {
    const expected = Object.fromEntries(names.map((name) => [`alertname="${name}"`, 1]));
    const firing = 'count by (alertname) (ALERTS{alertstate="firing"})';
    expect(await objections(report(changes), firing, expected)).toBe('');
  });
});

describe('the dashboard', { timeout: 60_000 }, () => {
  const providers = [provider()];
  const exited = failed({ id: 'exited', steps: [step({ result: 'error' })] });
  const twice = report({
    pre: phase([failed({ id: 'old' })], { providers, verified: false }),
    run: phase([exited, resource({ id: 'a', outcome: 'removed' })], { providers }),
    post: phase([{ ...exited, outcome: 'removed' }, failed({ id: 'b' })], { providers, verified: false }),
  });

  it('counts as left what post could not remove', async () => {
    expect(await objections(twice, await panel('Leftovers'), { '': 1 })).toBe('');
  });

  it('counts what went only at the second try once', async () => {
    const expected = { graceful: 0, killed: 0, removed: 2, gone: 0, planned: 0, kept: 0, failed: 1 };
    const byOutcome = Object.fromEntries(Object.entries(expected).map(([outcome, number]) => [`outcome="${outcome}"`, number]));
    expect(await objections(twice, await panel('What became of what the benchmarks left'), byOutcome)).toBe('');
  });

  it('counts a provider that no phase could reach once', async () => {
    const lost = phase([], { providers: [provider({ status: 'unavailable' })], verified: false });
    expect(await objections(report({ pre: lost, post: lost }), await panel('Providers unreachable'), { '': 1 })).toBe('');
  });

  it('does not count sessions as verified in which nobody looked', async () => {
    const unseen = report({ post: phase([], { providers: [provider({ status: 'skipped' })] }) });
    expect(await objections(unseen, await panel('Sessions verified'), {})).toBe('');
  });

  it('has queries that Prometheus understands', async () => {
    const rules = (await queries()).map((expr, index) => ({ record: `query:${index}`, expr }));
    const directory = await mkdtemp(join(tmpdir(), 'dashboard-'));
    const file = join(directory, 'rules.yml');
    await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
    const verdict = promtool(['check', 'rules', '--lint=none', file]);
    await rm(directory, { recursive: true });
    expect(verdict).toBe('');
  });
});

describe('the description of the metrics', { timeout: 60_000 }, () => {
  it('has all of them, and none that there is not', async () => {
    const described = new Set(
      (await readFile(METRICS_DOC, 'utf8')).match(/^\| `(cleanup_action_\w+)`/gm)?.map((row) => row.slice(3, -1)),
    );
    const { families } = await offered();
    expect(described).toEqual(families);
  });
});
