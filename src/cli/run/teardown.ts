import type { Config } from '../../config/config';
import type { Endpoints } from '../../core/connection';
import { keyOf } from '../../core/resource';
import { systemClock as clock, systemClock } from '../../lib/clock';
import { withDeadline } from '../../lib/deadline';
import { postCleanupMode } from '../../phases/post-cleanup-mode';
import { discoverProviders } from '../../phases/providers';
import type { Selection } from '../../phases/selection';
import { tearDown } from '../../phases/teardown';
import { type DeathReport, type PhaseReport, totalsOf } from '../../report/model';

import type { Output } from '../terminal/output';
import { withProgress } from '../terminal/progress';
import type { ProgressCounter } from '../terminal/progress-counter';

export interface RunTeardown {
  readonly config: Config;
  readonly sessionId: string;
  /** Where the providers were found when it began. */
  readonly found: Endpoints;
  readonly selection: Selection;
  /** The deaths that are known already. */
  readonly told: readonly DeathReport[];
  readonly tally: ProgressCounter;
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Aborts when there is to be no more grace. */
  readonly hurry: AbortSignal;
}

interface TornDown {
  readonly phase: PhaseReport;
  readonly deaths: readonly DeathReport[];
}

const NEVER = new AbortController().signal;

/** Removes what is the session's; when somebody is in a hurry, what is then still there at once. Never throws. */
export async function tearDownRun(teardown: RunTeardown): Promise<TornDown> {
  const { config, hurry, output, tally } = teardown;
  return withProgress(output, 'Cleaning up', tally, async () => {
    const atOnce = { ...config, gracePeriod: 0 };
    if (hurry.aborted) return once(atOnce, NEVER, teardown);
    const first = await once(config, hurry, teardown);
    if (!hurry.aborted) return first;
    const second = await once(atOnce, NEVER, { ...teardown, told: [...teardown.told, ...first.deaths] });
    return { phase: mergePhases(first.phase, second.phase), deaths: [...first.deaths, ...second.deaths] };
  });
}

function once(config: Config, stop: AbortSignal, teardown: RunTeardown): Promise<TornDown> {
  const { sessionId, found, selection, told, tally, output, env } = teardown;
  return withDeadline(config.deadline, { clock: systemClock, signal: stop }, (deadline) =>
    tearDown({
      config,
      sessionId,
      connections: discoverProviders({ config, env, clock, deadline, endpoints: found }, output),
      selection: tally.track(selection),
      mode: postCleanupMode(config),
      told,
      deadline,
      env,
      clock,
      log: output,
      onSettled: (resource) => {
        // What was broken off is not settled: it is taken up again.
        if (!stop.aborted || resource.outcome !== 'kept') tally.settle(resource);
      },
    }),
  );
}

/** One account of both: what the first one broke off has come to its end in the second one, or has gone in between. */
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
  return { ...second, durationMs: first.durationMs + second.durationMs, resources, totals: totalsOf(resources) };
}
