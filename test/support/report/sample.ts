import {
  type DeathReport,
  type DiskReport,
  type PhaseReport,
  type ProviderReport,
  type Report,
  type ResourceReport,
  type StepReport,
  totalsOf,
} from '../../../src/report/model';

/** All that foreign text could try: to move the cursor, to start a line or a command of its own, to become HTML or Markdown. */
export const HOSTILE =
  '\u001b[2J\u009b31m##[error]x\r\n\n::error::y##vso[task.complete]z\u2028\u202e\u200b<img src=x>&lt;"\'| `tick` **bold** _it_ [a](https://evil) ![i](https://evil) @user';

export function resource(changes: Partial<ResourceReport> = {}): ResourceReport {
  return {
    provider: 'docker',
    kind: 'container',
    id: '0123456789abcdef0123456789abcdef',
    name: 'task-1',
    image: 'busybox',
    state: 'running',
    createdAt: null,
    session: null,
    runUrl: null,
    outcome: 'graceful',
    durationMs: 1_200,
    steps: [],
    error: null,
    reason: null,
    command: null,
    ...changes,
  };
}

export function failed(changes: Partial<ResourceReport> = {}): ResourceReport {
  return resource({ outcome: 'failed', error: 'permission denied', command: 'docker rm 0123', ...changes });
}

export function step(changes: Partial<StepReport> = {}): StepReport {
  return { action: 'remove', attempts: 1, startedAt: '2030-01-01T00:01:00.000Z', durationMs: 30, result: 'done', ...changes };
}

/** As many deaths of as many containers. */
export function deaths(number: number, changes: Partial<DeathReport> = {}): readonly DeathReport[] {
  return Array.from({ length: number }, (_, index) => death({ ...changes, id: String(index) }));
}

export function death(changes: Partial<DeathReport> = {}): DeathReport {
  return {
    provider: 'docker',
    id: '0123456789abcdef0123456789abcdef',
    name: 'task-1',
    image: 'busybox',
    exitCode: 1,
    oomKilled: false,
    at: '2030-01-01T00:00:30.000Z',
    livedMs: 30_000,
    logFile: '/tmp/logs/task-1.log',
    logReason: null,
    logTail: [],
    ...changes,
  };
}

export function provider(changes: Partial<ProviderReport> = {}): ProviderReport {
  return {
    name: 'docker',
    status: 'ready',
    reason: 'Docker Engine 27.5.1 at unix:///var/run/docker.sock (the default)',
    command: null,
    ...changes,
  };
}

export function phase(resources: readonly ResourceReport[] = [], changes: Partial<PhaseReport> = {}): PhaseReport {
  const totals = totalsOf(resources);
  return { durationMs: 6_200, verified: true, dryRun: false, providers: [], resources, totals, ...changes };
}

type Phases = { readonly [name in keyof Report['phases']]?: PhaseReport };

export function report(changes: Partial<Report> & Phases = {}): Report {
  const { pre = null, run = null, post = null, ...rest } = changes;
  return {
    schemaVersion: 1,
    session: null,
    startedAt: '2030-01-01T00:00:00.000Z',
    finishedAt: '2030-01-01T00:01:00.000Z',
    benchmark: null,
    deaths: [],
    phases: { pre, run, post },
    ...rest,
  };
}

/** A goal for disk space, and two images that went for it. */
export function disk(changes: Partial<DiskReport> = {}): DiskReport {
  const image = (name: string) => ({
    ...resource({ kind: 'image', id: `sha256:${name}`, name, image: null, state: 'present', outcome: 'removed', bytes: 2e9 }),
    lastUsedAt: '2029-12-01T00:00:00.000Z',
  });
  return {
    provider: 'docker',
    goal: 'image-budget',
    wanted: 50e9,
    before: 54e9,
    after: 49e9,
    reached: true,
    reason: null,
    images: [image('old:1'), image('older:1')],
    ...changes,
  };
}
