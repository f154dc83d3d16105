import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  exampleWorkflows,
  jobsOf,
  problemsOf,
  stepsOf,
  type WorkflowStep,
  workflows,
  workflowsIn,
} from '../support/github/workflows';

const root = join(import.meta.dirname, '..', '..');

interface ActionFile {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

function action(path: string): ActionFile {
  return parse(readFileSync(join(root, path, 'action.yml'), 'utf8'));
}

/** The directory of an action of this repository. */
function localAction({ uses = '' }: WorkflowStep): string | undefined {
  if (uses.startsWith('org/cleanup-action@')) return '.';
  return uses.startsWith('./') ? uses : undefined;
}

const all = [...workflows(), ...exampleWorkflows()];

test('the examples are found', () => {
  const names = exampleWorkflows().map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['README.md, YAML 1', 'docs/daytona.md, YAML 1', 'examples/fleet-cleanup.yml']));
});

test.for(all)('GitHub’s parser takes $name', async (workflow) => {
  expect(await problemsOf(workflow)).toEqual([]);
});

test('GitHub’s parser is asked in earnest', async () => {
  const text = 'on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - runs: y\n';
  expect(await problemsOf({ name: 'bad.yml', text })).not.toEqual([]);
});

test.for(all)('$name gives the actions of this repository only inputs that they have', (workflow) => {
  const unknown = stepsOf(workflow).flatMap((step) => {
    const path = localAction(step);
    if (path === undefined) return [];
    const { inputs } = action(path);
    return Object.keys(step.with ?? {}).filter((name) => !(name in inputs));
  });
  expect(unknown).toEqual([]);
});

test.for(all)('$name reads only outputs that the action has', (workflow) => {
  const ids = stepsOf(workflow).flatMap((step) => (localAction(step) === '.' || step.uses === './' ? [step.id] : []));
  const read = [...workflow.text.matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)].filter(([, id]) => ids.includes(id));
  expect(read.map(([, , output = '']) => output).filter((name) => !(name in action('.').outputs))).toEqual([]);
});

describe('the workflows of this repository', () => {
  const uses = workflows().flatMap(({ name, text }) =>
    [...text.matchAll(/uses: ([\w-]+\/[\w/-]+)@(\S+)(?: # v([\d.]+))?/g)].map(([, action = '', ref = '', version]) => ({
      name,
      action,
      ref,
      version,
    })),
  );

  test('use others’ actions by commit, and name its version', () => {
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.filter(({ ref, version }) => !/^[0-9a-f]{40}$/.test(ref) || version === undefined)).toEqual([]);
  });

  test('use one commit of each action', () => {
    const refs = new Map<string, Set<string>>();
    for (const { action, ref, version } of uses) {
      const repository = action.split('/').slice(0, 2).join('/');
      refs.set(repository, (refs.get(repository) ?? new Set()).add(`${ref} ${version}`));
    }
    expect([...refs].filter(([, found]) => found.size > 1)).toEqual([]);
  });

  test('show the same major versions to users', () => {
    const majors = new Map(uses.map(({ action, version = '' }) => [action, `v${version.split('.')[0]}`]));
    const shown = exampleWorkflows().flatMap((workflow) => stepsOf(workflow).map((step) => step.uses ?? ''));
    const others = shown.filter((use) => majors.has(use.split('@')[0] ?? ''));
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter((use) => majors.get(use.split('@')[0] ?? '') !== use.split('@')[1])).toEqual([]);
  });

  test.for(workflows())('$name begins without permissions, and each job has those that it needs, and an end', (workflow) => {
    expect(parse(workflow.text).permissions).toEqual({});
    const jobs = Object.entries(jobsOf(workflow));
    expect(jobs.filter(([, job]) => job.permissions === undefined).map(([name]) => name)).toEqual([]);
    expect(jobs.filter(([, job]) => !job.uses && !job['timeout-minutes']).map(([name]) => name)).toEqual([]);
    expect(parse(workflow.text).concurrency).toBeDefined();
  });
});

test('the first job of e2e.yml is the README’s first example, with an eye on it', () => {
  const [readme] = workflowsIn('README.md');
  const e2e = workflows().find(({ name }) => name.endsWith('/e2e.yml'));
  if (!readme || !e2e) throw new Error('one of them is missing');
  const shown = stepsOf(readme).map(({ uses, run }) => uses?.split('@')[0]?.replace('org/cleanup-action', './') ?? run);
  const [job] = Object.values(jobsOf(e2e));
  const steps = (job?.steps ?? []).filter(({ name }) => name !== 'Expect').map(({ uses, run }) => uses?.split('@')[0] ?? run);
  expect(steps).toEqual(shown);
  expect(job?.steps?.find(({ uses }) => uses === './')?.with).toBeUndefined();
});

test('the verdict of e2e.yml looks at all of its jobs', () => {
  const e2e = workflows().find(({ name }) => name.endsWith('/e2e.yml'));
  const { verdict, ...jobs } = jobsOf(e2e ?? { name: '', text: '' });
  expect([...(verdict?.needs ?? [])].sort()).toEqual(Object.keys(jobs).sort());
});
