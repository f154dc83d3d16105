import type { Config } from '../../config/config';
import type { Endpoints } from '../../core/connection';
import { keyOf } from '../../core/resource';
import type { Baseline } from '../../core/selector';
import { systemClock as clock } from '../../lib/clock';
import { withDeadline } from '../../lib/deadline';
import { bestEffort } from '../../phases/log';
import { postCleanupMode } from '../../phases/post-cleanup-mode';
import { discoverProviders, type ProviderSettings } from '../../phases/providers';
import { type Selection, type SelectionSettings, selectAfter } from '../../phases/selection';
import { readSnapshot } from '../../phases/snapshot';
import { type Teardown, type TornDown, tearDown } from '../../phases/teardown';
import { readOwnVolumes } from '../../proxy/notes';
import { type PhaseReport, totalsOf } from '../../report/model';
import { runProgram } from '../host/run-program';
import type { Output } from '../terminal/output';
import { type ProgressCounter, withProgress } from '../terminal/progress';

/** What the session owns. `scope: job` adds nothing without a baseline. */
export async function ownedSelection({ config, sessionId, directory, output }: Owning): Promise<Selection> {
  const baseline: Baseline | undefined =
    config.scope === 'session'
      ? await readSnapshot(directory).catch(() => undefined)
      : await bestEffort(output, 'reading the list of existing resources', () => readSnapshot(directory));
  return selectAfter(config, sessionId, baseline, await readOwnVolumes(directory));
}

interface Owning {
  readonly config: SelectionSettings;
  readonly sessionId: string;
  /** Of the session. */
  readonly directory: string;
  readonly output: Output;
}

type Shared = 'selection' | 'knownDeaths' | 'earlier' | 'leases' | 'leftImages' | 'imageUses' | 'workspace' | 'env';

export interface RunTeardown extends Pick<Teardown, Shared> {
  readonly config: ProviderSettings & Teardown['config'] & Pick<Config, 'dryRun' | 'postCleanup' | 'jobStatus'>;
  readonly sessionId: string;
  /** Where to look for providers. */
  readonly found: Endpoints;
  readonly counter: ProgressCounter;
  readonly output: Output;
  /** Aborts when grace is to be skipped. */
  readonly hurry: AbortSignal;
}

const NEVER = new AbortController().signal;

/** Removes what the session owns. Begins again without grace when `hurry` aborts. Never throws. */
export async function tearDownRun(teardown: RunTeardown): Promise<TornDown> {
  const { config, hurry, output, counter } = teardown;
  return withProgress(output, 'Cleaning up', counter, async () => {
    const atOnce = { ...config, gracePeriod: 0 };
    if (hurry.aborted) return once(atOnce, NEVER, teardown);
    const first = await once(config, hurry, teardown);
    if (!hurry.aborted) return first;
    const second = await once(atOnce, NEVER, { ...teardown, knownDeaths: [...teardown.knownDeaths, ...first.deaths] });
    return { phase: mergePhases(first.phase, second.phase), deaths: [...first.deaths, ...second.deaths] };
  });
}

function once(config: RunTeardown['config'], stop: AbortSignal, teardown: RunTeardown): Promise<TornDown> {
  const { sessionId, found, selection, counter, output, env } = teardown;
  return withDeadline(config.deadline, { clock, signal: stop }, (deadline) =>
    tearDown({
      ...teardown,
      config,
      connections: discoverProviders(
        { config, env, clock, deadline, sessionId, endpoints: found, runProgram, orphans: true },
        output,
      ),
      selection: counter.track(selection),
      mode: postCleanupMode(config),
      deadline,
      runProgram,
      clock,
      log: output,
      onSettled: (resource) => {
        // The second pass settles interrupted resources.
        if (!stop.aborted || resource.outcome !== 'kept') counter.settle(resource);
      },
    }),
  );
}

/** Joins both passes. What the second one no longer found was gone by then, if it was verified. */
function mergePhases(first: PhaseReport, second: PhaseReport): PhaseReport {
  const again = new Set(second.resources.map(keyOf));
  const before = first.resources.filter((resource) => !again.has(keyOf(resource)));
  const isOpen = (outcome: string) => outcome === 'kept' || outcome === 'failed';
  const resources = [
    ...before.map((resource) =>
      second.verified && isOpen(resource.outcome)
        ? { ...resource, outcome: 'gone' as const, error: null, reason: null, command: null }
        : resource,
    ),
    ...second.resources,
  ];
  const filters = new Set(first.unmatched?.map(({ filter }) => filter));
  const unmatched = second.unmatched?.filter(({ filter }) => filters.has(filter)) ?? [];
  const workspace = second.workspace ?? first.workspace;
  return {
    ...second,
    durationMs: first.durationMs + second.durationMs,
    resources,
    totals: totalsOf(resources),
    unmatched,
    ...(workspace ? { workspace } : {}),
  };
}
