import type { Death } from '../recorder/death';
import { GONE, NO_TIME } from '../recorder/logs/reading';
import { type DeathReport, isoTime } from '../report/model';

/** Milliseconds that the engine's two accounts of one end, its event and its own notes, can be apart. */
const SAME_END_MS = 2_000;

/** As the report has it. */
export function deathReport({ container, exitCode, oomKilled, at, livedMs, log }: Death): DeathReport {
  return {
    provider: container.provider,
    id: container.id,
    name: container.name,
    image: container.image ?? null,
    exitCode,
    oomKilled,
    at: isoTime(at),
    livedMs: livedMs === null ? null : Math.round(livedMs),
    logFile: log.file,
    logReason: log.reason,
    logTail: log.tail,
  };
}

/** Main had no time for its log, or took it for gone: who looks later may have it. */
function isOpen({ logFile, logReason }: DeathReport): boolean {
  return logFile === null && (logReason === NO_TIME || logReason === GONE);
}

/** Whether main has told of this end, with all that there is to tell. */
export function isTold(deaths: readonly DeathReport[], end: Pick<Death, 'container' | 'at' | 'neverStarted'>): boolean {
  return deaths.some(
    (death) =>
      death.id === end.container.id &&
      !isOpen(death) &&
      (end.neverStarted !== undefined || Date.parse(death.at) >= end.at - SAME_END_MS),
  );
}

/** Main's, and what post has found out: more about some of them, or others. In the order in which they ended. */
export function mergeDeaths(main: readonly DeathReport[], post: readonly DeathReport[]): readonly DeathReport[] {
  const found = new Set(post.map(({ id }) => id));
  return [...main.filter((death) => !(isOpen(death) && found.has(death.id))), ...post].toSorted(
    (a, b) => Date.parse(a.at) - Date.parse(b.at),
  );
}
