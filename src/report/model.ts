import type { Connection } from '../core/connection';
import type { LogStatus } from '../core/container-source';
import { labels } from '../core/labels';
import type { EvidenceOfEnd } from '../core/liveness';
import { type Outcome, outcomes, type Settlement, type Step } from '../core/outcome';
import type { Holder } from '../core/provider';
import type { Kind } from '../core/resource';
import { type SpareReason, sessionOf } from '../core/selector';
import { VERSION } from '../lib/version';

/**
 * The content of `report.json` (`schemas/report.schema.json`). Summary, log lines and terminal
 * output are made from it. Text from providers is foreign: escape it wherever it is shown.
 */
export interface Report {
  readonly schemaVersion: 1;
  /** Null when main died before it had one. */
  readonly session: string | null;
  readonly versions?: { readonly action: string; readonly node: string };
  /** ISO 8601 in UTC, like all times here. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly benchmark: BenchmarkReport | null;
  /** Containers that ended during the benchmark, in order. */
  readonly deaths: readonly DeathReport[];
  readonly phases: {
    readonly pre: PhaseReport | null;
    readonly run: PhaseReport | null;
    readonly post: PhaseReport | null;
  };
}

export interface BenchmarkReport {
  /** The first line of `run`. */
  readonly command: string;
  /** Null when main was killed before the benchmark ended. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** The signal that ended the step, when the job was cancelled. */
  readonly interruptedBy: string | null;
  /** Null with `exitCode`. */
  readonly durationMs: number | null;
  /** Present only if main was killed: the fate of its benchmark. */
  readonly remains?: BenchmarkRemains;
}

/** The fate of a killed main's benchmark: ended by post, gone before, or not to be ended. */
export type BenchmarkRemains = 'ended' | 'gone' | 'alive';

export interface DeathReport {
  readonly provider: string;
  readonly id: string;
  readonly name: string;
  readonly image: string | null;
  /** Null if the container was removed before it could be inspected. */
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** The provider's own word for why, where it says more than the exit code: `Evicted`, say. */
  readonly reason?: string;
  /** It was asked to end (`docker stop`, `compose down`), so its exit code is not a failure. */
  readonly asked?: boolean;
  readonly at: string;
  /** Milliseconds from start to end; null if one of them is unknown. */
  readonly livedMs: number | null;
  /** Absent in reports of earlier versions. */
  readonly logStatus?: LogStatus;
  /** Path of its log, with a time in each line; null without one. */
  readonly logFile: string | null;
  /** Why the log is missing or incomplete. */
  readonly logReason: string | null;
  /** The last lines of its log, without times. */
  readonly logTail: readonly string[];
}

export interface PhaseReport {
  readonly durationMs: number;
  /** The time limit. Absent if several sweeps, each with its own, are reported as one phase. */
  readonly deadlineMs?: number;
  /** Whether a last listing of every provider was clean; null if all were skipped. */
  readonly verified: boolean | null;
  readonly dryRun: boolean;
  readonly providers: readonly ProviderReport[];
  readonly resources: readonly ResourceReport[];
  /** The number of resources with each outcome, zeros included. */
  readonly totals: Readonly<Record<Outcome, number>>;
  /** New resources that no session owns, and that stay. Absent in reports of earlier versions. */
  readonly unowned?: readonly UnownedReport[];
  /** Resources that match, but may be in use, and stay. Absent in reports of earlier versions. */
  readonly spared?: readonly SparedReport[];
  /**
   * Filters of the settings that matched nothing that was still there. Absent in reports of earlier
   * versions.
   */
  readonly unmatched?: readonly UnmatchedReport[];
  /** Goals for disk space, each for one engine. Absent without any. */
  readonly disk?: readonly DiskReport[];
  /** Files that the session's containers left to other users. Absent without any. */
  readonly workspace?: WorkspaceReport;
  /** What may trouble the benchmark, a sentence each, with foreign text. Absent without any. */
  readonly preflight?: readonly string[];
}

/** The settings that set goals for disk space. */
export type DiskGoal = 'build-cache-budget' | 'image-budget' | 'min-free-disk';

/** What was done for a goal on one engine. */
export interface DiskReport {
  readonly provider: string;
  readonly goal: DiskGoal;
  /** Bytes: the most to be taken, for `min-free-disk` the least to be free. Null if unknown. */
  readonly wanted: number | null;
  /** Bytes that were taken, or free, before and after. Null if unknown. */
  readonly before: number | null;
  readonly after: number | null;
  /** Null if it can't be known. */
  readonly reached: boolean | null;
  /** Why it was not reached, or can't be known. */
  readonly reason: string | null;
  /** Images that went for it, or would. */
  readonly images: readonly DiskResourceReport[];
  /** Removed records of build cache. */
  readonly records?: number;
}

/** An image that went for a goal. */
export interface DiskResourceReport extends ResourceReport {
  /** ISO 8601; null if it is unknown. */
  readonly lastUsedAt: string | null;
}

/** Resources of one kind at one provider. */
export interface UnownedReport {
  readonly provider: string;
  readonly kind: Kind;
  readonly count: number;
  /** Some of their names. */
  readonly names: readonly string[];
}

export interface SparedReport extends UnownedReport {
  readonly why: SpareReason;
}

/** Files of other users in the workspace, directories included. */
export interface WorkspaceReport {
  readonly path: string;
  /** Those that the runner's user can't delete. */
  readonly undeletable: number;
  /** Bytes of disk that these take. */
  readonly bytes: number;
  /** The number of those that were given to the runner's user. */
  readonly restored: number;
  /** False if not all of them could be looked at. */
  readonly whole: boolean;
  /** Why they could not be given back. */
  readonly problem: string | null;
  /** Gives them back by hand. */
  readonly command: string | null;
  /** The number of directories for which the command has no room; absent if it names all. */
  readonly omitted?: number;
  /** Containers that gave files back, and may still be there; absent without any. */
  readonly helpers?: readonly HelperReport[];
}

export interface HelperReport {
  readonly name: string;
  /** Why it may still be there. */
  readonly problem: string;
  /** Removes it. */
  readonly command: string;
}

/** A filter that matched nothing, as it was written. */
export interface UnmatchedReport {
  readonly setting: 'labels' | 'name-prefixes';
  readonly filter: string;
}

export interface ProviderReport {
  readonly name: string;
  readonly status: 'ready' | 'skipped' | 'unavailable';
  /** What was found, or why not. */
  readonly reason: string;
  /** With `unavailable`: removes what carries the session's label. */
  readonly command: string | null;
}

export interface ResourceReport {
  readonly provider: string;
  readonly kind: Kind;
  readonly id: string;
  readonly name: string;
  /** The image or snapshot that it was made from. */
  readonly image: string | null;
  /** Before anything was done to it. */
  readonly state: string;
  readonly createdAt: string | null;
  readonly session: string | null;
  /** The address of the run that made it, from its label. */
  readonly runUrl: string | null;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly steps: readonly StepReport[];
  /** With `failed`: why it is still there. */
  readonly error: string | null;
  /** With `kept`: why it stays. With `gone`: that a listing still shows it. */
  readonly reason: string | null;
  /** Removes it by hand. With `failed` and `kept`, unless it is protected or selected no more. */
  readonly command: string | null;
  /** With `failed`: its users, which must go first. Absent if unknown. */
  readonly heldBy?: readonly Holder[];
  /**
   * What shows that the session is over that left it: its lease on this host, the CI's own word,
   * the runner, which has another job by now, or its age. Absent where that was not asked: of the
   * session's own resources, say.
   */
  readonly evidence?: EvidenceOfEnd;
  /** Bytes of disk that its removal freed, at least. Absent if not measured. */
  readonly bytes?: number;
}

export interface StepReport extends Omit<Step, 'startedAt'> {
  readonly startedAt: string;
}

export function resourceReport(
  { resource, outcome, durationMs, steps, error, reason, command, heldBy }: Settlement,
  evidence?: EvidenceOfEnd,
  bytes?: number,
): ResourceReport {
  return {
    provider: resource.provider,
    kind: resource.kind,
    id: resource.id,
    name: resource.name,
    image: resource.image ?? null,
    state: resource.state,
    createdAt: Number.isFinite(resource.createdAt) ? isoTime(resource.createdAt ?? 0) : null,
    session: sessionOf(resource) ?? null,
    runUrl: resource.labels[labels.runUrl] ?? null,
    outcome,
    durationMs: Math.round(durationMs),
    steps: steps.map(stepReport),
    error: error?.message ?? null,
    reason: reason ?? null,
    command: command ?? null,
    ...(outcome === 'failed' && heldBy ? { heldBy } : {}),
    ...(evidence ? { evidence } : {}),
    ...(bytes !== undefined && isRemoval(outcome) ? { bytes } : {}),
  };
}

function isRemoval(outcome: Outcome): boolean {
  return outcome === 'graceful' || outcome === 'killed' || outcome === 'removed';
}

function stepReport(step: Step): StepReport {
  return { ...step, startedAt: isoTime(step.startedAt), durationMs: Math.round(step.durationMs) };
}

export function providerReport(connection: Connection): ProviderReport {
  const { name, status } = connection;
  return { name, status, reason: connection.status === 'ready' ? connection.description : connection.reason, command: null };
}

export function totalsOf(resources: readonly ResourceReport[]): Readonly<Record<Outcome, number>> {
  const count = (outcome: Outcome) => resources.filter((resource) => resource.outcome === outcome).length;
  return Object.fromEntries(outcomes.map((outcome) => [outcome, count(outcome)])) as Record<Outcome, number>;
}

export function removedIn({ totals }: PhaseReport): number {
  return totals.graceful + totals.killed + totals.removed;
}

/** The number of images that went for disk space. */
export function removedForDisk({ disk = [] }: PhaseReport): number {
  return disk.flatMap(({ images }) => images).filter(({ outcome }) => isRemoval(outcome)).length;
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

export interface ReportParts {
  readonly session: string | null;
  /** Milliseconds since the epoch, or ISO 8601 from another report. */
  readonly startedAt: number | string;
  readonly now: number;
  readonly benchmark: BenchmarkReport | null;
  readonly deaths: readonly DeathReport[];
  readonly phases: Report['phases'];
}

/**
 * Adds the versions of the report and of the software.
 * @param now milliseconds since the epoch
 */
export function wholeReport({ startedAt, now, ...parts }: ReportParts): Report {
  return {
    schemaVersion: 1,
    session: parts.session,
    versions: { action: VERSION, node: process.version },
    startedAt: typeof startedAt === 'string' ? startedAt : isoTime(startedAt),
    finishedAt: isoTime(now),
    benchmark: parts.benchmark,
    deaths: parts.deaths,
    phases: parts.phases,
  };
}
