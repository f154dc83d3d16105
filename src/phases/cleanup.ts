import { type Config, type RetrySettings, retryPolicy } from '../config/config';
import type { Connection } from '../core/connection';
import type { Settlement } from '../core/outcome';
import type { Provider } from '../core/provider';
import type { Resource } from '../core/resource';
import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError } from '../lib/errors';
import { type SweepMode, type SweepResult, sweep } from '../reaper/sweep';
import { plainLine } from '../report/escape';
import { resourceLine } from '../report/lines';
import {
  type PhaseReport,
  type ProviderReport,
  providerReport,
  type ResourceReport,
  resourceReport,
  type SparedReport,
  totalsOf,
  type UnownedReport,
} from '../report/model';
import type { Lease } from '../session/leases';
import type { Handover } from '../session/left-images';
import { type DiskUsage, diskUsageAt } from './disk/usage';
import type { Seen } from './others';
import type { Selection, Spared } from './selection';
import { survey } from './snapshot';
import { unmatchedIn } from './unmatched';

/** Milliseconds to ask for an engine's id. */
const ENGINE_ID_TIMEOUT_MS = 5_000;

export interface Cleanup {
  /** Each is swept as soon as it is found: a slow provider does not hold up the others. */
  readonly connections: readonly (Connection | Promise<Connection>)[];
  readonly selection: Selection;
  readonly mode: SweepMode;
  readonly config: RetrySettings & Pick<Config, 'gracePeriod' | 'concurrency' | 'failFast' | 'deadline'>;
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** Reads the leases of live sessions on this host, with each listing. */
  readonly leases?: () => readonly Lease[];
  /** What other sessions have left on an engine, and takes what this one leaves. */
  readonly leftImages?: Handover | undefined;
  /** The session's label, `key=value`, for the command to clean an unreachable provider. */
  readonly label?: string;
  readonly log: (line: string) => void;
  /** False: another cleanup follows. See `SweepOptions`. */
  readonly final?: boolean;
  /** Called besides: see `SweepOptions`. */
  readonly onSettled?: ((resource: ResourceReport) => void) | undefined;
}

/** Sweeps all providers side by side, and logs each resource. Never throws. */
export async function cleanUp(cleanup: Cleanup): Promise<PhaseReport> {
  const { connections, selection, mode, config, deadline, clock, log } = cleanup;
  const startedAt = clock.now();
  const reportOn = (settlement: Settlement, disk?: DiskUsage) =>
    resourceReport(settlement, selection.evidence?.(settlement.resource), disk?.of(settlement.resource));
  const swept = await Promise.all(
    connections.map(async (found) => {
      const connection = await found;
      if (connection.status !== 'ready') return { report: reportOf(connection, undefined, cleanup), result: undefined };
      const disk = diskUsageAt(connection, deadline);
      const { provider } = connection;
      const engine = await engineIdOf(provider, deadline);
      const seen = (listed: readonly Resource[]): Seen => ({ listed, ...othersAt(engine, cleanup), now: clock.now() });
      const { choose } = selection;
      const result = await sweep({
        provider,
        selector: selection.selector,
        choose: choose && ((selected, listed) => choose(selected, seen(listed))),
        learn: async (listed) => {
          await selection.learn?.(listed);
          if (mode.kind === 'remove' && listed.some(selection.selector)) await disk.measure();
        },
        mode,
        policy: { graceMs: config.gracePeriod, retry: retryPolicy(config) },
        deadline,
        concurrency: config.concurrency,
        final: cleanup.final ?? true,
        failFast: config.failFast,
        clock,
        onSettled: (settlement) => {
          const resource = reportOn(settlement, disk);
          log(resourceLine(resource));
          cleanup.onSettled?.(resource);
        },
      });
      const elsewhere = provider.leftElsewhere?.() ?? [];
      for (const line of elsewhere) log(plainLine(`${connection.name}: ${line}`));
      if (result.unlisted) log(plainLine(`${connection.name}: ${result.unlisted.message}`));
      const spared = countedSpared(selection.spared?.(seen(result.listed)) ?? []);
      await leaveImages(engine, selection.left?.(seen(result.listed)) ?? [], cleanup);
      const resources = result.settlements.map((settlement) => reportOn(settlement, disk));
      const unowned = await unownedAt(provider, cleanup);
      return { report: reportOf(connection, result, cleanup, elsewhere), result, resources, spared, unowned };
    }),
  );
  const resources = swept.flatMap(({ resources: reported = [] }) => reported);
  return {
    durationMs: Math.round(clock.now() - startedAt),
    deadlineMs: config.deadline,
    verified: verifiedBy(swept),
    dryRun: mode.kind === 'plan',
    providers: swept.map(({ report }) => report),
    resources,
    totals: totalsOf(resources),
    unowned: swept.flatMap(({ unowned = [] }) => unowned),
    spared: swept.flatMap(({ spared = [] }) => spared),
    ...unmatchedBy(swept, selection),
  };
}

/** Reads what is known of other sessions on the same engine. */
function othersAt(engine: string | undefined, { leases = () => [], leftImages }: Cleanup): Pick<Seen, 'leases' | 'left'> {
  if (engine === undefined) return { leases: [] };
  return { leases: leases().filter(({ engines }) => engines.includes(engine)), left: leftImages?.read(engine) ?? [] };
}

/** Leaves images to the sessions at work. Never throws: they stay, then, for good. */
async function leaveImages(
  engine: string | undefined,
  images: readonly Resource[],
  { leftImages, mode, log }: Cleanup,
): Promise<void> {
  if (engine === undefined || mode.kind !== 'remove') return;
  const left = images.map(({ id, tags = [] }) => ({ id, tags }));
  await leftImages?.leave(engine, left).catch((error: unknown) => log(plainLine(`Leaving images: ${asError(error).message}`)));
}

/** Undefined if it is unknown. Never throws. */
export async function engineIdOf({ engineId }: Provider, deadline: Deadline): Promise<string | undefined> {
  if (engineId === undefined) return undefined;
  return deadline.within(ENGINE_ID_TIMEOUT_MS, 'the engine’s id', engineId).catch(() => undefined);
}

/** Counts new resources that stay on an engine, as far as they can be listed. */
async function unownedAt(provider: Provider, { selection, deadline }: Cleanup): Promise<readonly UnownedReport[]> {
  const { unowned } = selection;
  if (unowned === undefined) return [];
  const found = await survey(provider, deadline);
  const inOrder = provider.survey?.kinds.flatMap((kind) => found.get(kind) ?? []) ?? [];
  return counted(inOrder.filter(unowned));
}

/**
 * Says which filters matched nothing, where everything could be listed that they may have matched.
 */
function unmatchedBy(
  swept: readonly { readonly result: SweepResult | undefined; readonly report: ProviderReport }[],
  { filters }: Selection,
): Pick<PhaseReport, 'unmatched'> {
  const results = swept.filter(({ report }) => report.status !== 'skipped').map(({ result }) => result);
  const areWhole = results.length > 0 && results.every((result) => result && !result.error && !result.unlisted);
  if (filters === undefined || !areWhole) return {};
  const seen = results.flatMap((result) => [
    ...(result?.settlements ?? []).map(({ resource }) => resource),
    ...(result?.listed ?? []),
  ]);
  return { unmatched: unmatchedIn(seen, filters) };
}

/** Null when all providers were skipped. */
function verifiedBy(
  swept: readonly { readonly report: ProviderReport; readonly result: SweepResult | undefined }[],
): boolean | null {
  const looked = swept.filter(({ report }) => report.status !== 'skipped');
  return looked.length === 0 ? null : looked.every(({ result }) => result?.verified ?? false);
}

/** A provider whose last listing failed counts as unavailable. */
function reportOf(
  connection: Connection,
  result: SweepResult | undefined,
  { label, mode }: Cleanup,
  elsewhere: readonly string[] = [],
): ProviderReport {
  const report = providerReport(connection);
  const { error, unlisted } = result ?? {};
  const reason = error
    ? `${error.message} (${report.reason})`
    : [report.reason, ...(unlisted ? [unlisted.message] : []), ...elsewhere].join('; ');
  const reported: ProviderReport = { ...report, ...(error ? { status: 'unavailable' } : {}), reason };
  if (reported.status !== 'unavailable' || label === undefined || mode.kind !== 'remove') return reported;
  return { ...reported, command: connection.cleanupCommand?.(label) ?? null };
}

/** Names for each group. */
const MAX_NAMES = 5;

/** Counts resources by provider and kind. */
function counted(resources: readonly Resource[]): readonly UnownedReport[] {
  if (resources.length === 0) return []; // Spares loading the rules of a language, which take 10 ms.
  const inOrder = new Intl.Collator('en', { numeric: true });
  return [...Map.groupBy(resources, ({ provider, kind }) => `${provider} ${kind}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const names = group
      .map(({ name }) => name)
      .sort(inOrder.compare)
      .slice(0, MAX_NAMES);
    return { provider: first.provider, kind: first.kind, count: group.length, names };
  });
}

/** Counts resources by provider, kind, and why they stay. */
function countedSpared(spared: readonly Spared[]): readonly SparedReport[] {
  return [...Map.groupBy(spared, ({ why }) => why)].flatMap(([why, group]) =>
    counted(group.map(({ resource }) => resource)).map((count) => ({ ...count, why })),
  );
}
