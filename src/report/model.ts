import type { Connection } from '../core/connection';
import { labels } from '../core/labels';
import { type Outcome, outcomes, type Settlement, type Step } from '../core/outcome';
import type { Kind } from '../core/resource';
import { sessionOf } from '../core/selector';

/** What `report.json` holds, and what summary, log and terminal are made from. `schemas/report.schema.json` describes it. */
export interface Report {
  readonly schemaVersion: 1;
  /** The session's id; null when main died before it had one. */
  readonly session: string | null;
  /** What made this report. */
  readonly versions?: Versions;
  /** ISO 8601, as all times here. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly benchmark: BenchmarkReport | null;
  /** Containers that ended by themselves during the benchmark, in the order in which they ended. */
  readonly deaths: readonly DeathReport[];
  readonly phases: {
    readonly pre: PhaseReport | null;
    readonly run: PhaseReport | null;
    readonly post: PhaseReport | null;
  };
}

export interface Versions {
  /** This action's own. */
  readonly action: string;
  readonly node: string;
}

export interface BenchmarkReport {
  /** The first line of `run`. */
  readonly command: string;
  readonly exitCode: number;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** The signal that ended the step itself: the job was cancelled. */
  readonly interruptedBy: string | null;
  readonly durationMs: number;
}

export interface DeathReport {
  readonly provider: string;
  readonly id: string;
  readonly name: string;
  readonly image: string | null;
  /** Null where nobody told: it was gone before it could be asked. */
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** When it ended. */
  readonly at: string;
  /** Milliseconds from its start to its end, where both are known. */
  readonly livedMs: number | null;
  /** Path of its log, whose lines begin with their times; null with the reason in `logReason`. */
  readonly logFile: string | null;
  /** Why there is no log, or why it is not whole. */
  readonly logReason: string | null;
  /** The last lines of its log, without times; foreign text, as all here. */
  readonly logTail: readonly string[];
}

export interface PhaseReport {
  readonly durationMs: number;
  /** How long it could have taken at most. Absent where several sweeps, each with a deadline of its own, are told as one phase. */
  readonly deadlineMs?: number;
  /** A last listing of every provider that was ready found nothing left; true, therefore, where all were skipped and nobody looked. */
  readonly verified: boolean;
  readonly dryRun: boolean;
  readonly providers: readonly ProviderReport[];
  readonly resources: readonly ResourceReport[];
  /** How many resources came to each outcome; all outcomes are there. */
  readonly totals: Readonly<Record<Outcome, number>>;
}

export interface ProviderReport {
  readonly name: string;
  readonly status: 'ready' | 'skipped' | 'unavailable';
  /** What was found, or why nothing was. */
  readonly reason: string;
  /** With `unavailable`: what removes by hand what runs with the session's label, containers or sandboxes. */
  readonly command: string | null;
}

export interface ResourceReport {
  readonly provider: string;
  readonly kind: Kind;
  readonly id: string;
  readonly name: string;
  /** What it was made from: an image, or a sandbox's snapshot. */
  readonly image: string | null;
  /** As it was before anything was done to it. */
  readonly state: string;
  readonly createdAt: string | null;
  readonly session: string | null;
  /** The address of the run that it says it is from: foreign text, as all here. */
  readonly runUrl: string | null;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly steps: readonly StepReport[];
  /** Why it is still there: the error, or with `kept` the reason. */
  readonly error: string | null;
  readonly reason: string | null;
  /** What removes it by hand. */
  readonly command: string | null;
}

export interface StepReport extends Omit<Step, 'startedAt'> {
  readonly startedAt: string;
}

export function resourceReport({ resource, outcome, durationMs, steps, error, reason, command }: Settlement): ResourceReport {
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

/** Resources that are not there any more, by us or by themselves. */
export function removedIn({ totals }: PhaseReport): number {
  return totals.graceful + totals.killed + totals.removed;
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
