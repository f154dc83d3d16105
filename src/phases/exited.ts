import type { Connection } from '../core/connection';
import { keyOf, type Resource } from '../core/resource';
import { protectionOf, type Selector } from '../core/selector';
import { type Clock, sleep } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { type PhaseReport, totalsOf } from '../report/model';
import { type Cleanup, cleanUp } from './cleanup';

export interface ExitedCleanup {
  readonly connections: readonly Connection[];
  readonly config: Cleanup['config'];
  /** Selects what the session owns. */
  readonly owned: Selector;
  /** Whether the container's log is kept already. */
  readonly canRemove: (container: Resource) => boolean;
  /** Milliseconds that a container stays after its exit. */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Aborts when the benchmark has ended. */
  readonly benchmark: AbortSignal;
}

/** Milliseconds between two sweeps. */
const SWEEP_EVERY_MS = { min: 500, max: 10_000 };

/** States before a first run: not exited. */
const NOT_YET_RUN = new Set(['created', 'configured']);

/**
 * Removes the session's containers some time after their exits, while the benchmark runs. Leaves
 * the rest to post.
 * @returns all sweeps as one phase
 */
export async function sweepExited(options: ExitedCleanup): Promise<PhaseReport> {
  const { config, clock, ttlMs, benchmark, connections } = options;
  const startedAt = clock.now();
  const since = new Map<string, number>();
  /** Left to post. */
  const failed = new Set<string>();
  const done: PhaseReport[] = [];
  const every = Math.min(SWEEP_EVERY_MS.max, Math.max(SWEEP_EVERY_MS.min, ttlMs / 2));
  while (await elapsed(clock, every, benchmark)) {
    const selector = exitedSince(since, failed, options);
    const phase = await withDeadline(
      config.deadline,
      { clock, signal: benchmark, reason: 'the benchmark has ended' },
      (deadline) =>
        cleanUp({ ...options, connections, selection: { selector }, mode: { kind: 'remove' }, deadline, final: false }),
    );
    for (const resource of phase.resources.filter(({ outcome }) => outcome === 'failed')) failed.add(keyOf(resource));
    done.push(phase);
  }
  return merged(done, clock.now() - startedAt);
}

/** Selects containers that exited `ttlMs` ago. Remembers when each was first seen so. */
function exitedSince(since: Map<string, number>, failed: ReadonlySet<string>, options: ExitedCleanup): Selector {
  const { clock, owned, ttlMs, canRemove } = options;
  return (resource: Resource) => {
    // A service decides itself how many of its ended containers stay.
    const isAlone = resource.kind === 'container' && resource.service === undefined;
    if (!isAlone || !owned(resource) || protectionOf(resource) !== undefined) return false;
    if (resource.running || NOT_YET_RUN.has(resource.state)) {
      since.delete(keyOf(resource)); // It runs again: its time starts anew.
      return false;
    }
    const seen = since.get(keyOf(resource)) ?? clock.now();
    since.set(keyOf(resource), seen);
    return !failed.has(keyOf(resource)) && clock.now() - seen >= ttlMs && canRemove(resource);
  };
}

async function elapsed(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(clock, ms, signal).then(
    () => true,
    () => false,
  );
}

/** Leaves out kept resources, which are only unfinished. Takes the providers of the last sweep. */
function merged(phases: readonly PhaseReport[], durationMs: number): PhaseReport {
  const resources = phases.flatMap((phase) => phase.resources.filter(({ outcome }) => outcome !== 'kept'));
  return {
    durationMs: Math.round(durationMs),
    verified: phases.at(-1)?.verified ?? null,
    dryRun: false,
    providers: phases.at(-1)?.providers ?? [],
    resources,
    totals: totalsOf(resources),
  };
}
