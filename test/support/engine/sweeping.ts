import { randomUUID } from 'node:crypto';
import { labels } from '../../../src/core/labels';
import type { Settlement } from '../../../src/core/outcome';
import type { Provider } from '../../../src/core/provider';
import { type Baseline, ownedBy, type Selector } from '../../../src/core/selector';
import { systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { connect } from '../../../src/providers/docker/connection/connect';
import { dockerProvider } from '../../../src/providers/docker/provider';
import type { Buildx } from '../../../src/providers/docker/resources/builder-instances';
import { EngineFacts } from '../../../src/providers/docker/resources/engine-facts';
import type { DockerSettings } from '../../../src/providers/docker/resources/handler';
import { type SweepMode, type SweepResult, sweep } from '../../../src/reaper/sweep';
import { dockerHost } from './own-engine';

const SETTINGS: DockerSettings = {
  name: 'docker',
  stopMs: 15_000,
  killMs: 5_000,
  removeMs: 10_000,
  skipGraceWhenDeaf: true,
  kinds: ['container', 'network', 'volume'],
};

/** The provider for an engine: the tests' own, unless a test has another. */
export async function provider(
  settings: Partial<DockerSettings> = {},
  url: string = dockerHost,
  buildx?: Buildx,
): Promise<Provider> {
  const deadline = new Deadline(systemClock, 10_000);
  try {
    const engine = await connect([{ url, from: 'the tests' }], deadline, systemClock);
    return dockerProvider(engine, { ...SETTINGS, ...settings }, systemClock, new EngineFacts(engine.docker, systemClock), buildx);
  } finally {
    deadline.dispose();
  }
}

export interface SweepSettings extends Partial<DockerSettings> {
  /** Where the engine is, where it is not the tests' own. */
  readonly url?: string;
  /** More than a container takes that ends at its signal, also on a machine that stands still for a while; for one that does not, less. */
  readonly graceMs?: number;
  readonly deadlineMs?: number;
  readonly concurrency?: number;
  readonly mode?: SweepMode;
  readonly failFast?: boolean;
  /** Puts something between the sweep and the engine. */
  readonly change?: (provider: Provider) => Provider;
}

/** A session that began long ago, when nothing was there but images that nobody uses and owns. */
const LONG_AGO: Baseline = {
  startedAt: 0,
  had: ({ kind, labels: own, usedBy = [] }) => kind === 'image' && usedBy.length === 0 && !Object.hasOwn(own, labels.session),
  hadTag: () => false,
};

/** Sweeps one session. */
export function sweepSession(session: string, settings: SweepSettings = {}): Promise<SweepResult> {
  return sweepWith(ownedBy(session, { labels: [], namePrefixes: [] }, LONG_AGO), settings);
}

/** Sweeps what the selector selects, in the same way. */
export async function sweepWith(selector: Selector, settings: SweepSettings = {}): Promise<SweepResult> {
  const {
    url,
    graceMs = 10_000,
    deadlineMs = 60_000,
    concurrency = 16,
    mode = { kind: 'remove' },
    failFast = false,
    change = (same) => same,
    ...docker
  } = settings;
  const deadline = new Deadline(systemClock, deadlineMs);
  try {
    return await sweep({
      provider: change(await provider(docker, url)),
      selector,
      mode,
      policy: { graceMs, retry: { retries: 3, delayMs: 50, factor: 2 } },
      deadline,
      concurrency,
      failFast,
      final: true,
      clock: systemClock,
    });
  } finally {
    deadline.dispose();
  }
}

/** A session of a test's own, and how to label what belongs to it. */
export function newSession(): { readonly session: string; readonly labelled: { readonly labels: Record<string, string> } } {
  const session = `test-${randomUUID()}`;
  return { session, labelled: { labels: { [labels.session]: session } } };
}

/** The one settlement of a sweep. @throws when there are none or several */
export function only({ settlements }: SweepResult): Settlement {
  const [settlement, ...rest] = settlements;
  if (!settlement || rest.length > 0) throw new Error(`one settlement expected, not ${settlements.length}`);
  return settlement;
}

/** `['stop timeout', 'kill done']` */
export function stepsOf({ steps }: Settlement): readonly string[] {
  return steps.map(({ action, result }) => `${action} ${result}`);
}
