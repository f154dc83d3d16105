import type { Connection } from '../core/connection';
import type { LogStatus } from '../core/container-source';
import { labels } from '../core/labels';
import { type Outcome, outcomes, type Settlement, type Step } from '../core/outcome';
import type { Kind } from '../core/resource';
import { sessionOf } from '../core/selector';
import { VERSION } from '../lib/version';

/**
 * The content of `report.json`; summary, log lines and terminal output are made from it too.
 * `schemas/report.schema.json` describes it. All text in it that comes from a provider is foreign:
 * escape it wherever it is shown.
 */
export interface Report {
  readonly schemaVersion: 1;
  /** The session's id; null when main died before it had one. */
  readonly session: string | null;
  /** The software that made this report. */
  readonly versions?: Versions;
  /** ISO 8601 in UTC, like all times here. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly benchmark: BenchmarkReport | null;
  /** Containers that ended during the benchmark, in the order in which they ended. */
  readonly deaths: readonly DeathReport[];
  readonly phases: {
    readonly pre: PhaseReport | null;
    readonly run: PhaseReport | null;
    readonly post: PhaseReport | null;
  };
}

export interface Versions {
  /** The version of this action. */
  readonly action: string;
  readonly node: string;
}

export interface BenchmarkReport {
  /** The first line of `run`. */
  readonly command: string;
  /** Null when main was killed before the benchmark ended: how it ended is not known. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** The signal that ended the step itself, when the job was cancelled. */
  readonly interruptedBy: string | null;
  /** Null with `exitCode`. */
  readonly durationMs: number | null;
  /** What became of a benchmark whose main was killed; only then. */
  readonly remains?: BenchmarkRemains;
}

/**
 * What post found of the processes of a benchmark whose main was killed: it ended them (`ended`), there were none any more (`gone`), or
 * it could not end them (`alive`).
 */
export type BenchmarkRemains = 'ended' | 'gone' | 'alive';

export interface DeathReport {
  readonly provider: string;
  readonly id: string;
  readonly name: string;
  readonly image: string | null;
  /** Null where it is not known: the container was removed before it could be inspected. */
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /**
   * Someone asked it to end (`docker stop`, `compose down`): its exit code does not mean that it
   * failed. Absent: no.
   */
  readonly asked?: boolean;
  /** When it ended. */
  readonly at: string;
  /** Milliseconds from its start to its end; null where one of them is not known. */
  readonly livedMs: number | null;
  /** What became of its log: see `LogStatus`. Absent in reports of earlier versions. */
  readonly logStatus?: LogStatus;
  /** Path of its log, whose lines begin with their times; null when there is none. */
  readonly logFile: string | null;
  /** Why there is no log, or why it is incomplete. */
  readonly logReason: string | null;
  /** The last lines of its log, without times. */
  readonly logTail: readonly string[];
}

export interface PhaseReport {
  readonly durationMs: number;
  /**
   * The time limit of the phase. Absent where several sweeps, each with its own deadline, are
   * reported as one phase.
   */
  readonly deadlineMs?: number;
  /**
   * Whether a last listing of every provider found nothing left; null when all providers were
   * skipped, so that none was listed.
   */
  readonly verified: boolean | null;
  readonly dryRun: boolean;
  readonly providers: readonly ProviderReport[];
  readonly resources: readonly ResourceReport[];
  /** The number of resources with each outcome, zeros included. */
  readonly totals: Readonly<Record<Outcome, number>>;
  /**
   * Resources that appeared while the job ran and that no session owns: they stay. Absent in
   * reports of earlier versions.
   */
  readonly unowned?: readonly UnownedReport[];
  /**
   * Resources that match, but that this phase left alone because they may still be in use. Absent
   * in reports of earlier versions.
   */
  readonly spared?: readonly SparedReport[];
}

/** Resources of one kind at one provider. */
export interface UnownedReport {
  readonly provider: string;
  readonly kind: Kind;
  readonly count: number;
  /** The names of some of them, as examples. */
  readonly names: readonly string[];
}

export interface SparedReport extends UnownedReport {
  /**
   * `age`: younger than `max-age`, and nothing else tells whether its session is over.
   * `inherited-label`: it may have its label from its image. `live-session`: it began while another
   * session was running.
   */
  readonly why: 'age' | 'inherited-label' | 'live-session';
}

export interface ProviderReport {
  readonly name: string;
  readonly status: 'ready' | 'skipped' | 'unavailable';
  /** What was found there, or why nothing was. */
  readonly reason: string;
  /**
   * With `unavailable`: removes by hand the containers or sandboxes that carry the session's label.
   */
  readonly command: string | null;
}

export interface ResourceReport {
  readonly provider: string;
  readonly kind: Kind;
  readonly id: string;
  readonly name: string;
  /** The image, or a sandbox's snapshot, that it was made from. */
  readonly image: string | null;
  /** Its state before anything was done to it. */
  readonly state: string;
  readonly createdAt: string | null;
  readonly session: string | null;
  /** The address of the run that made it, according to its label. */
  readonly runUrl: string | null;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly steps: readonly StepReport[];
  /** With `failed`: why it is still there. */
  readonly error: string | null;
  /** With `kept`: why it stays. */
  readonly reason: string | null;
  /** With `failed` and `kept`: removes it by hand. */
  readonly command: string | null;
  /** With `failed`: what uses it and must go first. Absent when that is not known. */
  readonly heldBy?: readonly HolderReport[];
}

/** A resource that uses another one. */
export interface HolderReport {
  readonly kind: Kind;
  readonly name: string;
  /** Removes it by hand. */
  readonly command: string;
}

export interface StepReport extends Omit<Step, 'startedAt'> {
  readonly startedAt: string;
}

export function resourceReport({
  resource,
  outcome,
  durationMs,
  steps,
  error,
  reason,
  command,
  heldBy,
}: Settlement): ResourceReport {
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
  };
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

/** The number of resources that this phase removed. */
export function removedIn({ totals }: PhaseReport): number {
  return totals.graceful + totals.killed + totals.removed;
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The parts of a report. Times are milliseconds since the epoch. */
export interface ReportParts {
  readonly session: string | null;
  /** Milliseconds, or ISO 8601 when taken from another report. */
  readonly startedAt: number | string;
  readonly now: number;
  readonly benchmark: BenchmarkReport | null;
  readonly deaths: readonly DeathReport[];
  readonly phases: Report['phases'];
}

/** Adds the version of the report and of the software. */
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
