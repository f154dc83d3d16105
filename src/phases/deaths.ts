import type { Death } from '../recorder/death';
import { type DeathReport, isoTime } from '../report/model';

/** Milliseconds that the engine's two accounts of one end, its event and its own notes, can be apart. */
const SAME_END_MS = 2_000;

/** As the report has it. */
export function deathReport({ container, exitCode, oomKilled, asked, at, livedMs, log }: Death): DeathReport {
  return {
    provider: container.provider,
    id: container.id,
    name: container.name,
    image: container.image ?? null,
    exitCode,
    oomKilled,
    asked,
    at: isoTime(at),
    livedMs: livedMs === null ? null : Math.round(livedMs),
    logStatus: log.status,
    logFile: log.file,
    logReason: log.reason,
    logTail: log.tail,
  };
}

/** Main had no time for its log, or took it for gone: a later look may find it. */
function isOpen({ logStatus }: DeathReport): boolean {
  return logStatus === 'gone' || logStatus === 'out-of-time';
}

/** Whether main has reported this end, with its log or a reason that holds. */
export function isReported(deaths: readonly DeathReport[], end: Pick<Death, 'container' | 'at' | 'neverStarted'>): boolean {
  return deaths.some(
    (death) =>
      death.id === end.container.id &&
      !isOpen(death) &&
      (end.neverStarted !== undefined || Date.parse(death.at) >= end.at - SAME_END_MS),
  );
}

/**
 * Main's deaths, and those that post has found: the same with their logs, or others. In the order in which they ended. Only main knows
 * whether a container was asked to end.
 */
export function mergeDeaths(main: readonly DeathReport[], post: readonly DeathReport[]): readonly DeathReport[] {
  const found = new Set(post.map(({ id }) => id));
  const open = new Set(main.filter((death) => isOpen(death) && found.has(death.id)));
  const asked = new Set([...open].flatMap(({ id, asked: wasAsked }) => (wasAsked ? id : [])));
  const completed = post.map((death) => (asked.has(death.id) ? { ...death, asked: true } : death));
  return [...main.filter((death) => !open.has(death)), ...completed].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
