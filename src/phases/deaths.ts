import type { Death } from '../recorder/deaths';
import { type Redactor, redactedText } from '../recorder/logs/redactor';
import { type DeathReport, isoTime } from '../report/model';

/** Milliseconds between the times of an end in the engine's event and in its inspection. */
const SAME_END_MS = 2_000;

/**
 * A death, as in the report.
 * @param redactor takes secrets out of the provider's own words: a failed start can name the command, with its arguments
 */
export function deathReport(
  { container, exitCode, oomKilled, reason, asked, at, livedMs, log }: Death,
  redactor: Redactor,
): DeathReport {
  return {
    provider: container.provider,
    id: container.id,
    name: container.name,
    image: container.image ?? null,
    exitCode,
    oomKilled,
    ...(reason === undefined ? {} : { reason: redactedText(reason, redactor) }),
    asked,
    at: isoTime(at),
    livedMs: livedMs === null ? null : Math.round(livedMs),
    logStatus: log.status,
    logFile: log.file,
    logReason: log.reason === null ? null : redactedText(log.reason, redactor),
    logTail: log.tail,
  };
}

/** Whether the log may still be found: main had no time for it, or took it for gone. */
function isOpen({ logStatus }: DeathReport): boolean {
  return logStatus === 'gone' || logStatus === 'out-of-time';
}

/** Whether main has reported this end, with its log or a final reason. */
export function isReported(deaths: readonly DeathReport[], end: Pick<Death, 'container' | 'at' | 'neverStarted'>): boolean {
  return deaths.some(
    (death) =>
      death.id === end.container.id &&
      !isOpen(death) &&
      (end.neverStarted !== undefined || Date.parse(death.at) >= end.at - SAME_END_MS),
  );
}

/**
 * Joins main's deaths with post's, which may complete them with logs, in the order of their ends.
 * Only main knows whether a container was asked to end.
 */
export function mergeDeaths(main: readonly DeathReport[], post: readonly DeathReport[]): readonly DeathReport[] {
  const found = new Set(post.map(({ id }) => id));
  const open = new Set(main.filter((death) => isOpen(death) && found.has(death.id)));
  const asked = new Set([...open].flatMap(({ id, asked: wasAsked }) => (wasAsked ? id : [])));
  const completed = post.map((death) => (asked.has(death.id) ? { ...death, asked: true } : death));
  return [...main.filter((death) => !open.has(death)), ...completed].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
