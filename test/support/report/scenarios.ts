import type { BenchmarkReport, PhaseReport, Report, ResourceReport, StepReport } from '../../../src/report/model';
import { death, failed, HOSTILE, phase, provider, report, resource, step } from './sample';

/** What a whole session may come to. Golden tests, metrics and pictures are made from these. */
const SESSION = 'gh-17123456789-1.3f9a1c22.k3v9q0xw';
const EARLIER = 'gh-17123450001-1.3f9a1c22.p0s8d7fa';
const POST_BEGAN = Date.UTC(2030, 0, 1, 0, 20, 0);

const versions = { action: '1.2.0', node: 'v24.21.0' };
const docker = provider();
const daytona = provider({ name: 'daytona', reason: 'https://app.daytona.io/api' });
const noDaytona = provider({ name: 'daytona', status: 'skipped', reason: 'no API key' });
const benchmark: BenchmarkReport = {
  command: './benchmark.sh --tasks all',
  exitCode: 0,
  signal: null,
  timedOut: false,
  interruptedBy: null,
  durationMs: 1_140_000,
};

const idOf = (index: number) => (index * 2_654_435_761).toString(16).padStart(12, '0').repeat(6).slice(0, 64);

/** Steps one after the other, from so many milliseconds after post began. */
function steps(
  fromMs: number,
  ...taken: readonly (Partial<StepReport> & Pick<StepReport, 'action' | 'durationMs'>)[]
): readonly StepReport[] {
  let at = POST_BEGAN + fromMs;
  return taken.map((changes) => {
    const made = step({ ...changes, startedAt: new Date(at).toISOString() });
    at += made.durationMs;
    return made;
  });
}

function stopped(name: string, index: number, changes: Partial<ResourceReport> = {}): ResourceReport {
  const taken = steps(
    index * 4,
    { action: 'stop', durationMs: 300 + ((index * 337) % 1_400) },
    { action: 'remove', durationMs: 40 + ((index * 13) % 90) },
  );
  return ended(name, index, { outcome: 'graceful', steps: taken, ...changes });
}

function killed(name: string, index: number, changes: Partial<ResourceReport> = {}): ResourceReport {
  const taken = steps(
    index * 4,
    { action: 'stop', durationMs: 5_080 + ((index * 17) % 60) },
    { action: 'remove', durationMs: 60 + ((index * 7) % 50) },
  );
  return ended(name, index, { outcome: 'killed', steps: taken, ...changes });
}

function removed(name: string, index: number, changes: Partial<ResourceReport> = {}): ResourceReport {
  const taken = steps(index * 4, { action: 'remove', durationMs: 60 + ((index * 29) % 200) });
  return ended(name, index, { outcome: 'removed', state: 'exited', steps: taken, ...changes });
}

function ended(name: string, index: number, changes: Partial<ResourceReport>): ResourceReport {
  const durationMs = (changes.steps ?? []).reduce((sum, taken) => sum + taken.durationMs, 0);
  return resource({ name, id: idOf(index + 1), session: SESSION, image: 'bench/task:3', durationMs, ...changes });
}

function refused(name: string, index: number, error: string): ResourceReport {
  const id = idOf(index + 1);
  const taken = steps(
    index * 4,
    { action: 'stop', durationMs: 15_000, result: 'timeout', detail: 'stop took longer than 15 s' },
    { action: 'kill', durationMs: 5_000, result: 'timeout', detail: 'kill took longer than 5 s' },
    {
      action: 'remove',
      durationMs: 14_200,
      attempts: 4,
      retriedAfter: ['conflict', 'conflict', 'server_error'],
      result: 'error',
      detail: error,
    },
  );
  return failed({
    name,
    id,
    session: SESSION,
    durationMs: 34_200,
    steps: taken,
    error,
    command: `docker rm --force --volumes ${id}`,
  });
}

const many = <T>(number: number, make: (index: number) => T): readonly T[] =>
  Array.from({ length: number }, (_, index) => make(index));

const sandbox = { kind: 'sandbox', provider: 'daytona', state: 'started', image: 'daytona-large' } as const;

function session(post: PhaseReport, changes: Partial<Report> & { readonly pre?: PhaseReport } = {}): Report {
  return report({
    session: SESSION,
    versions,
    finishedAt: new Date(POST_BEGAN + post.durationMs).toISOString(),
    pre: phase([], { durationMs: 80, deadlineMs: 240_000, providers: [docker, noDaytona] }),
    post: { deadlineMs: 240_000, ...post },
    ...changes,
  });
}

const leftBefore = many(3, (index) =>
  removed(`task-old-${index}`, index, {
    session: EARLIER,
    evidence: 'ci',
    runUrl: 'https://github.com/acme/benchmarks/actions/runs/17123450001/attempts/1',
  }),
);

const tail = [
  'task 12: pulling the repository',
  'task 12: running 431 tests',
  '',
  'Traceback (most recent call last):',
  '  File "/work/run.py", line 88, in solve',
  '    patch = agent.step(observation, budget=budget)',
  'MemoryError: can’t allocate 2.1 GiB',
];

/** Everything foreign in it tries to be more than text. */
function hugeReport(): Report {
  const resources = [
    ...many(14_980, (index) => stopped(`task-${index}`, index % 4_000)),
    ...many(20, (index) => killed(`task-${index} ${HOSTILE}`, index)),
    ...many(5_000, (index) =>
      refused(`task-${index} ${HOSTILE.repeat(20)}`, index % 4_000, `cause ${index % 7} ${HOSTILE.repeat(20)}`),
    ),
  ];
  const deaths = many(500, (index) =>
    death({
      id: `death-${index}`,
      name: `task-${index} ${HOSTILE.repeat(20)}`,
      exitCode: [1, 137, 139, 127][index % 4] ?? 1,
      logFile: HOSTILE.repeat(20),
      logTail: many(10, () => HOSTILE.repeat(200)),
    }),
  );
  const post = phase(resources, { durationMs: 239_000, verified: false, providers: [docker, noDaytona] });
  return session(post, { benchmark: { ...benchmark, exitCode: 1 }, deaths });
}

export const scenarios: Readonly<Record<ScenarioName, () => Report>> = {
  nothing: () => session(phase([], { durationMs: 60, providers: [docker, noDaytona] })),
  'all-well': () =>
    session(
      phase(
        [
          ...many(9, (index) => stopped(`bench-task-${index + 1}`, index)),
          ...many(5, (index) => removed(`bench-done-${index + 1}`, index + 9)),
          ...many(4, (index) => removed(`sandbox-${index + 1}`, index + 20, { ...sandbox, outcome: 'graceful' })),
          removed('bench_default', 30, { kind: 'network', state: 'active', image: null }),
          removed('bench_cache', 31, { kind: 'volume', state: 'active', image: null }),
        ],
        { durationMs: 1_900, providers: [docker, daytona] },
      ),
      { benchmark },
    ),
  killed: () =>
    session(
      phase(
        [
          ...many(26, (index) => stopped(`bench-task-${index + 1}`, index)),
          ...many(9, (index) => killed(`bench-agent-${index + 1}`, index + 26)),
          ...many(5, (index) => removed(`bench-done-${index + 1}`, index + 35)),
        ],
        { durationMs: 5_400, providers: [docker, noDaytona] },
      ),
      { benchmark, pre: phase(leftBefore, { durationMs: 400, providers: [docker, noDaytona] }) },
    ),
  failures: () =>
    session(
      phase(
        [
          ...many(11, (index) => stopped(`bench-task-${index + 1}`, index)),
          killed('bench-agent-1', 11),
          refused(
            'bench-agent-2',
            12,
            'the deadline of 240 s has passed; before that: tried to kill container, but did not receive an exit event',
          ),
          refused('bench-agent-3', 13, 'permission denied while trying to remove the container'),
        ],
        { durationMs: 34_300, verified: false, providers: [docker, noDaytona] },
      ),
      { benchmark: { ...benchmark, exitCode: 1 } },
    ),
  cancelled: () =>
    session(
      phase(
        [
          ...many(6, (index) => stopped(`bench-task-${index + 1}`, index)),
          ...many(2, (index) => killed(`bench-agent-${index + 1}`, index + 6)),
        ],
        {
          durationMs: 5_300,
          providers: [docker, noDaytona],
        },
      ),
      {
        benchmark: { ...benchmark, exitCode: 130, signal: 'SIGINT', interruptedBy: 'SIGINT', durationMs: 7_200_000 },
        deaths: [
          death({ id: 'death-1', name: 'bench-agent-12', exitCode: 137, oomKilled: true, livedMs: 611_000, logTail: tail }),
          death({
            id: 'death-2',
            name: 'bench-agent-31',
            exitCode: 139,
            livedMs: 4_300,
            logTail: ['loading model', 'Segmentation fault (core dumped)'],
          }),
          death({
            id: 'death-3',
            name: 'bench-grader',
            exitCode: 127,
            livedMs: 90,
            logFile: null,
            logReason: 'removed before its log could be read',
          }),
          death({ id: 'death-4', name: 'bench-done', exitCode: 0, livedMs: 12_000 }),
        ],
      },
    ),
  untouched: () =>
    session(
      phase([], {
        durationMs: 90,
        providers: [docker, noDaytona],
        unowned: [
          {
            provider: 'docker',
            kind: 'container',
            count: 3,
            names: ['hello-world__k3jq8xz__env-main-1', 'hello-world__k3jq8xz__env-db-1'],
          },
          { provider: 'docker', kind: 'network', count: 2, names: ['hello-world__k3jq8xz__env_default'] },
          { provider: 'docker', kind: 'volume', count: 4, names: ['hello-world__k3jq8xz__env_logs'] },
          { provider: 'docker', kind: 'image', count: 2, names: ['hb__hello-world:latest'] },
        ],
      }),
      {
        benchmark: { ...benchmark, exitCode: null, durationMs: null },
        pre: phase([], {
          durationMs: 80,
          providers: [docker, noDaytona],
          spared: [{ provider: 'docker', kind: 'container', count: 1, why: 'age', names: ['bench-db'] }],
        }),
        deaths: many(12, (index) => death({ id: `asked-${index}`, exitCode: 137, asked: true })),
      },
    ),
  kept: () =>
    session(
      phase(
        many(3, (index) =>
          resource({
            name: `bench-task-${index + 1}`,
            id: idOf(index + 1),
            session: SESSION,
            outcome: 'kept',
            reason: 'post-cleanup is failure, and the job succeeded',
            command: `docker rm --force --volumes ${idOf(index + 1)}`,
          }),
        ),
        { durationMs: 70, verified: false, providers: [docker, noDaytona] },
      ),
      { benchmark, pre: phase(leftBefore, { durationMs: 400, providers: [docker, noDaytona] }) },
    ),
  held: () =>
    session(
      phase(
        [
          ...many(4, (index) => stopped(`bench-task-${index + 1}`, index)),
          failed({
            kind: 'network',
            name: 'bench_default',
            id: idOf(9),
            state: 'present',
            steps: steps(0, {
              action: 'remove',
              durationMs: 20,
              result: 'error',
              detail: 'it is in use by the container bench-proxy',
            }),
            error: 'it is in use by the container bench-proxy',
            command: `docker network rm ${idOf(9).slice(0, 12)}`,
            heldBy: [{ kind: 'container', name: 'bench-proxy', command: 'docker rm --force --volumes bench-proxy' }],
          }),
        ],
        {
          durationMs: 1_900,
          verified: false,
          providers: [docker, noDaytona],
          workspace: {
            path: '/home/runner/work/bench/bench',
            undeletable: 312,
            bytes: 4_200_000,
            restored: 0,
            whole: true,
            problem: null,
            command: 'sudo chown -hR 1001:1001 /home/runner/work/bench/bench/results',
          },
        },
      ),
      { benchmark },
    ),
  cluster: () =>
    session(
      phase(
        [
          clustered(removed('trial-eval', 0, { kind: 'job', state: 'present' })),
          ...many(4, (index) => clustered(stopped(`trial-${index + 1}`, index + 1, { kind: 'pod', state: 'Running' }))),
          clustered(
            failed({
              kind: 'pod',
              name: 'trial-5',
              id: idOf(9),
              state: 'Terminating',
              steps: steps(0, { action: 'stop', durationMs: 40_000, result: 'timeout', detail: 'stop took longer than 40 s' }),
              error: 'its deletion waits for the finalizer example.com/hold: whoever set it must lift it',
              command: 'kubectl --context gke_bench --namespace bench delete pods trial-5',
            }),
          ),
          clustered(
            resource({
              kind: 'pod',
              name: 'registry-6d8f7',
              id: idOf(10),
              outcome: 'kept',
              reason: 'ReplicaSet registry-6d8f makes it again: it goes when that does',
            }),
          ),
        ],
        {
          durationMs: 41_000,
          verified: false,
          providers: [provider({ name: 'kubernetes', reason: 'Kubernetes v1.34.2 at https://34.1.2.3 (context gke_bench)' })],
        },
      ),
      {
        benchmark,
        deaths: [
          ...many(2, (run) =>
            clusterDeath({ id: `uid-1/agent#${run}`, name: 'trial-1/agent', exitCode: 3, livedMs: 61_000, logTail: tail }),
          ),
          clusterDeath({ id: 'uid-2/main#0', name: 'trial-2', exitCode: 137, oomKilled: true, reason: 'OOMKilled' }),
          clusterDeath({ id: 'uid-3/main#0', name: 'trial-3', exitCode: null, reason: 'Evicted' }),
          clusterDeath({
            ...{ id: 'uid-4/main#0', name: 'trial-4', exitCode: null, livedMs: null, reason: 'ImagePullBackOff', logTail: [] },
            ...{ logFile: null, logReason: 'it never ran: ImagePullBackOff: Back-off pulling image "bench/none:1"' },
          }),
        ],
      },
    ),
  huge: hugeReport,
};

const clustered = (one: ResourceReport): ResourceReport => ({ ...one, provider: 'kubernetes' });
const clusterDeath = (changes: Parameters<typeof death>[0]) => death({ provider: 'kubernetes', ...changes });

export const scenarioNames = [
  'nothing',
  'all-well',
  'killed',
  'failures',
  'cancelled',
  'untouched',
  'kept',
  'held',
  'cluster',
  'huge',
] as const;
export type ScenarioName = (typeof scenarioNames)[number];
