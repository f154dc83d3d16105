import { randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { shellBlock } from './jenkinsfile';

const examples = join(import.meta.dirname, '..', '..', '..', 'examples');

/** What a CI system hands to a shell for one step. */
export interface Script {
  /** The command that takes `text` as its last argument; or the path of a file with it, where the system writes one. */
  readonly shell: readonly string[];
  readonly text: string;
  readonly inFile?: true;
}

export type Variables = Readonly<Record<string, string>>;

/** A CI system, as its example uses it. */
export interface CiSystem {
  readonly name: string;
  readonly benchmark: Script;
  /** The step that runs whatever happened before it. */
  readonly always: Script;
  /** The first signal of a cancel, and who gets it: all in the step's process group, or its shell alone. */
  readonly cancel: { readonly signal: NodeJS.Signals; readonly group: boolean };
  /** The variables that the system sets in two attempts of one job. */
  attempts(): readonly [Variables, Variables];
  /** The variables of two jobs of one build that run at the same time; left out where they are as different as attempts. */
  parallel?(): readonly [Variables, Variables];
}

function example(name: string): string {
  return readFileSync(join(examples, name), 'utf8');
}

interface GitlabFile {
  readonly benchmark: { readonly script: readonly string[]; readonly after_script: readonly string[] };
}

function gitlab(): CiSystem {
  const { benchmark }: GitlabFile = parse(example('gitlab-ci.yml'));
  const script = (lines: readonly string[]): Script => ({ shell: ['bash', '-eo', 'pipefail', '-c'], text: lines.join('\n') });
  return {
    name: 'GitLab CI',
    benchmark: script(benchmark.script),
    always: script(benchmark.after_script),
    cancel: { signal: 'SIGTERM', group: true },
    attempts: () => {
      const pipeline = String(randomInt(1e9));
      const job = (id: string): Variables => ({ GITLAB_CI: 'true', CI_PIPELINE_ID: pipeline, CI_JOB_ID: id });
      return [job(`${pipeline}1`), job(`${pipeline}2`)];
    },
  };
}

function jenkins(): CiSystem {
  const file = example('Jenkinsfile');
  const script = (text: string): Script => ({ shell: ['sh', '-xe'], text, inFile: true });
  // Slashes of folders have become dashes; what else a name may hold stands in the tag as it is.
  const build = (number: number, executor = '1'): Variables => ({
    BUILD_NUMBER: String(number),
    BUILD_TAG: `jenkins-Agents & tools-bench-feature%2Flong-${number}`,
    NODE_NAME: 'docker node 1',
    EXECUTOR_NUMBER: executor,
  });
  return {
    name: 'Jenkins',
    benchmark: script(shellBlock(file, 'steps')),
    always: script(shellBlock(file, 'always')),
    cancel: { signal: 'SIGTERM', group: true },
    attempts: () => {
      const first = randomInt(1e9);
      return [build(first), build(first + 1)];
    },
    parallel: () => {
      const number = randomInt(1e9);
      return [build(number, '0'), build(number, '1')];
    },
  };
}

interface BuildkiteFile {
  readonly steps: readonly [{ readonly command: string }];
}

/**
 * What `buildkite-agent pipeline upload` makes of a pipeline: variables are replaced by those of the job that uploads it, and two
 * dollars become one. https://buildkite.com/docs/pipelines/configure/environment-variables#runtime-variable-interpolation
 */
function uploaded(pipeline: string, uploader: Variables): string {
  return pipeline.replace(/\$\$|\$(\w+)/g, (_, name?: string) => (name === undefined ? '$' : (uploader[name] ?? '')));
}

function buildkite(): CiSystem {
  const job = (build: string, retries: number): Variables => ({
    BUILDKITE: 'true',
    BUILDKITE_BUILD_ID: build,
    BUILDKITE_JOB_ID: randomUUID(),
    BUILDKITE_RETRY_COUNT: String(retries),
  });
  const { steps }: BuildkiteFile = parse(uploaded(example('buildkite/pipeline.yml'), job(randomUUID(), 0)));
  return {
    name: 'Buildkite',
    benchmark: { shell: ['bash', '-e', '-c'], text: steps[0].command },
    always: { shell: ['bash', '-c'], text: example('buildkite/pre-exit') },
    cancel: { signal: 'SIGTERM', group: true },
    attempts: () => {
      const build = randomUUID();
      return [job(build, 0), job(build, 1)];
    },
  };
}

interface CircleFile {
  readonly jobs: { readonly benchmark: { readonly steps: readonly CircleStep[] } };
}

type CircleStep = 'checkout' | { readonly run: { readonly command: string; readonly when?: string } };

function circle(): CircleFile['jobs']['benchmark']['steps'] {
  const { jobs }: CircleFile = parse(example('circleci-config.yml'));
  return jobs.benchmark.steps;
}

function circleci(): CiSystem {
  const runs = circle().flatMap((step) => (step === 'checkout' ? [] : [step.run]));
  const script = (always: boolean): Script => {
    const text = only(runs.filter(({ when }) => (when === 'always') === always)).command;
    return { shell: ['bash', '-eo', 'pipefail', '-c'], text };
  };
  const job = (id: string, node: string): Variables => ({
    CIRCLECI: 'true',
    CIRCLE_WORKFLOW_JOB_ID: id,
    CIRCLE_NODE_INDEX: node,
    CIRCLE_NODE_TOTAL: '2',
  });
  return {
    name: 'CircleCI',
    benchmark: script(false),
    always: script(true),
    // Not documented; this is the least that it can do.
    cancel: { signal: 'SIGTERM', group: false },
    attempts: () => [job(randomUUID(), '0'), job(randomUUID(), '0')],
    parallel: () => {
      const id = randomUUID();
      return [job(id, '0'), job(id, '1')];
    },
  };
}

interface AzureFile {
  readonly jobs: readonly [{ readonly steps: readonly { readonly bash: string; readonly condition?: string }[] }];
}

function azure(): CiSystem {
  const { jobs }: AzureFile = parse(example('azure-pipelines.yml'));
  const script = (condition: string | undefined): Script => {
    const step = only(jobs[0].steps.filter((candidate) => candidate.condition === condition));
    return { shell: ['bash', '--noprofile', '--norc'], text: step.bash, inFile: true };
  };
  const job = (build: string, attempt: number, id = '12f1170f-54f2-53f3-20dd-22fc7dff55f9'): Variables => ({
    TF_BUILD: 'True',
    BUILD_BUILDID: build,
    SYSTEM_JOBID: id,
    SYSTEM_STAGEATTEMPT: '1',
    SYSTEM_JOBATTEMPT: String(attempt),
  });
  return {
    name: 'Azure Pipelines',
    benchmark: script(undefined),
    always: script('always()'),
    cancel: { signal: 'SIGINT', group: false },
    attempts: () => {
      const build = String(randomInt(1e9));
      return [job(build, 1), job(build, 2)];
    },
    parallel: () => {
      const build = String(randomInt(1e9));
      return [job(build, 1, randomUUID()), job(build, 1, randomUUID())];
    },
  };
}

function only<T>(found: readonly T[]): T {
  const [one, another] = found;
  if (one === undefined || another !== undefined) throw new Error(`one step was looked for, and ${found.length} found`);
  return one;
}

export const ciSystems: readonly CiSystem[] = [gitlab(), jenkins(), buildkite(), circleci(), azure()];

/** @throws when there is no example for it */
export function ciSystemOf(name: string): CiSystem {
  return only(ciSystems.filter((system) => system.name === name));
}
