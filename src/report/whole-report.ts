import { VERSION } from '../lib/version';
import { type BenchmarkReport, type DeathReport, isoTime, type Report } from './model';

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
