import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { metricsOf } from '../../../src/report/metrics';
import { promtool } from '../../support/promtool';
import { scenarios } from './scenarios';

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
  const text = await metricsOf(scenarios.failures());
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
async function queries(): Promise<readonly string[]> {
  const { panels }: { readonly panels: readonly Panel[] } = JSON.parse(await readFile(DASHBOARD, 'utf8'));
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr.replace(/\$\w+/g, '.*')));
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

describe('the alert rules', () => {
  it('are rules that Prometheus takes', () => {
    expect(promtool(['check', 'rules', '--lint-fatal', ALERTS])).toBe('');
  });
});

describe('the dashboard', () => {
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

describe('the description of the metrics', () => {
  it('has all of them, and none that there is not', async () => {
    const described = new Set(
      (await readFile(METRICS_DOC, 'utf8')).match(/^\| `(cleanup_action_\w+)`/gm)?.map((row) => row.slice(3, -1)),
    );
    const { families } = await offered();
    expect(described).toEqual(families);
  });
});
