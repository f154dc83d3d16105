import { Gauge, Histogram, Registry } from 'prom-client';
import { runnerOf } from '../core/labels';
import { outcomes, retryCauses } from '../core/outcome';
import { rungActions } from '../core/provider';
import { writeWhole } from '../lib/atomic-file';
import { exitClasses, exitClassOf } from './exit-code';
import { freedByKind } from './freed';
import type { DiskReport, PhaseReport, Report, ResourceReport } from './model';
import { isVerifiable } from './verdict';

/** Seconds. Most rungs take tenths; a grace period is 5 s, a request up to 15 s, plus retries. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120];

/**
 * Writes the metrics atomically: node_exporter may read them at any time.
 * @throws the file system's errors
 */
export async function writeMetrics(path: string, report: Report): Promise<void> {
  await writeWhole(path, await metricsOf(report));
}

/**
 * The report in Prometheus' text format, described in `docs/metrics.md`. Gauges, because each
 * session replaces the one before. Labels have few values and no foreign text, except the session.
 */
export async function metricsOf(report: Report): Promise<string> {
  const registry = new Registry();
  const runner = report.session === null ? undefined : runnerOf(report.session);
  // Keeps the series of several runners on one host apart.
  if (runner !== undefined) registry.setDefaultLabels({ runner });
  addSession(registry, report);
  addBenchmark(registry, report);
  const phases = Object.entries(report.phases).flatMap(([name, phase]) => (phase === null ? [] : [[name, phase] as const]));
  addPhases(registry, phases);
  addResources(registry, phases);
  addSteps(registry, phases);
  addDisk(registry, report.phases.pre?.disk ?? []);
  return `${(await registry.metrics()).trimEnd()}\n`;
}

type NamedPhases = readonly (readonly [name: string, phase: PhaseReport])[];

/** Registers with this registry, not with prom-client's global one. */
function gauge<L extends string>(registry: Registry, name: string, help: string, labelNames: readonly L[]): Gauge<L> {
  return new Gauge({ name: `cleanup_action_${name}`, help, labelNames: [...labelNames], registers: [registry] });
}

function addSession(registry: Registry, { session, versions, finishedAt, deaths }: Report): void {
  gauge(registry, 'info', 'The version that made these metrics, and the session that they describe. Always 1.', [
    'version',
    'session',
  ]).set({ version: versions?.action ?? 'unknown', session: session ?? 'unknown' }, 1);
  gauge(registry, 'last_run_timestamp_seconds', 'When the last session ended, in seconds since the epoch.', []).set(
    Date.parse(finishedAt) / 1000,
  );
  const died = gauge(registry, 'deaths', 'Containers that ended during the benchmark, by how they ended.', ['exit_class']);
  for (const exitClass of exitClasses)
    died.set({ exit_class: exitClass }, deaths.filter((death) => exitClassOf(death) === exitClass).length);
}

function addBenchmark(registry: Registry, { benchmark }: Report): void {
  if (benchmark === null) return;
  const { exitCode, durationMs } = benchmark;
  if (exitCode !== null) gauge(registry, 'benchmark_exit_code', 'The benchmark’s exit code.', []).set(exitCode);
  if (durationMs !== null)
    gauge(registry, 'benchmark_duration_seconds', 'How long the benchmark ran.', []).set(durationMs / 1000);
  gauge(registry, 'benchmark_timed_out', 'Whether the benchmark was ended at its timeout: 1 or 0.', []).set(
    Number(benchmark.timedOut),
  );
}

function addPhases(registry: Registry, phases: NamedPhases): void {
  const seconds = gauge(registry, 'phase_duration_seconds', 'How long a cleanup took.', ['phase']);
  const deadline = gauge(registry, 'deadline_seconds', 'The time limit of a cleanup.', ['phase']);
  const used = gauge(
    registry,
    'deadline_used_ratio',
    'The part of its time limit that a cleanup took. It can be a little more than 1.',
    ['phase'],
  );
  const verified = gauge(
    registry,
    'verified',
    'Whether a last listing found nothing left: 1 or 0. Left out where nothing was listed, or everything was to stay.',
    ['phase'],
  );
  const up = gauge(registry, 'provider_up', 'Whether a provider could be reached: 1 or 0. Skipped ones are left out.', [
    'phase',
    'provider',
  ]);
  for (const [phase, report] of phases) {
    const { durationMs, deadlineMs, providers } = report;
    seconds.set({ phase }, durationMs / 1000);
    if (isVerifiable(report)) verified.set({ phase }, Number(report.verified));
    if (deadlineMs !== undefined && deadlineMs > 0) {
      deadline.set({ phase }, deadlineMs / 1000);
      used.set({ phase }, durationMs / deadlineMs);
    }
    for (const { name: provider, status } of providers) {
      if (status !== 'skipped') up.set({ phase, provider }, Number(status === 'ready'));
    }
  }
}

function addResources(registry: Registry, phases: NamedPhases): void {
  const labels = ['phase', 'provider', 'kind'] as const;
  const resources = gauge(registry, 'resources', 'Resources, by outcome.', [...labels, 'outcome']);
  const stopFailures = gauge(
    registry,
    'graceful_stop_failures',
    'Resources that did not stop when asked to: they were killed, or still run.',
    labels,
  );
  const freed = gauge(registry, 'freed_bytes', 'Disk space that removals freed, at least. Left out if not measured.', labels);
  for (const [phase, { resources: all }] of phases) {
    for (const group of Map.groupBy(all, ({ provider, kind }) => `${kind} ${provider}`).values()) {
      const [first] = group;
      if (first === undefined) continue;
      const where = { phase, provider: first.provider, kind: first.kind };
      for (const outcome of outcomes)
        resources.set({ ...where, outcome }, group.filter((resource) => resource.outcome === outcome).length);
      stopFailures.set(where, group.filter(ignoredItsStop).length);
      for (const bytes of freedByKind(group).values()) freed.set(where, bytes);
    }
  }
}

/** Adds goals for disk space. Without any, there are no such metrics. */
function addDisk(registry: Registry, goals: readonly DiskReport[]): void {
  if (goals.length === 0) return;
  const labels = ['provider', 'goal'] as const;
  const bytes = gauge(
    registry,
    'disk_bytes',
    'Disk space before the benchmark: what is wanted, what was taken (for min-free-disk: free) before, and what after. Left out if unknown.',
    [...labels, 'what'],
  );
  const reached = gauge(
    registry,
    'disk_goal_reached',
    'Whether a goal for disk space was reached: 1 or 0. Left out if it can’t be known.',
    labels,
  );
  const removed = gauge(registry, 'disk_images_removed', 'Images that were removed for a goal.', labels);
  for (const { provider, goal, images, reached: isReached, ...sizes } of goals) {
    for (const what of ['wanted', 'before', 'after'] as const) {
      const size = sizes[what];
      if (size !== null) bytes.set({ provider, goal, what }, size);
    }
    if (isReached !== null) reached.set({ provider, goal }, Number(isReached));
    removed.set({ provider, goal }, images.filter(({ outcome }) => outcome === 'removed').length);
  }
}

/** Whether it ignored its stop. A failed one may have stopped, and only its removal failed. */
function ignoredItsStop({ outcome, steps }: ResourceReport): boolean {
  const stops = steps.filter(({ action, attempts }) => action === 'stop' && attempts > 0);
  if (stops.length === 0) return false;
  return outcome === 'killed' || (outcome === 'failed' && stops.every(({ result }) => result !== 'done' && result !== 'gone'));
}

function addSteps(registry: Registry, phases: NamedPhases): void {
  const seconds = new Histogram({
    name: 'cleanup_action_rung_duration_seconds',
    help: 'How long the rungs took, with their retries.',
    labelNames: ['phase', 'provider', 'rung'],
    buckets: BUCKETS,
    registers: [registry],
  });
  const retries = gauge(registry, 'retries', 'Requests that were sent again, by cause.', ['phase', 'provider', 'cause']);
  for (const [phase, { resources }] of phases) {
    for (const [provider, group] of Map.groupBy(resources, (resource) => resource.provider)) {
      const steps = group.flatMap((resource) => resource.steps).filter(({ attempts }) => attempts > 0);
      for (const rung of rungActions) seconds.zero({ phase, provider, rung });
      for (const { action: rung, durationMs } of steps) seconds.observe({ phase, provider, rung }, durationMs / 1000);
      const causes = steps.flatMap(({ retriedAfter = [] }) => retriedAfter);
      for (const cause of retryCauses) retries.set({ phase, provider, cause }, causes.filter((one) => one === cause).length);
    }
  }
}
