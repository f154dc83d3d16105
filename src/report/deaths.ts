import type { DeathReport } from './model';
import { count } from './words';

/**
 * A container that failed: its last end, and how often it failed, which is more than once only
 * where the engine restarted it.
 */
export interface Failure {
  readonly last: DeathReport;
  readonly times: number;
}

/** Each container that failed once, in the order in which they ended for the last time. */
export function failuresIn(deaths: readonly DeathReport[]): readonly Failure[] {
  const failures = new Map<string, Failure>();
  for (const last of deaths.filter(hasFailed)) {
    const key = `${last.provider} ${last.id}`;
    const times = (failures.get(key)?.times ?? 0) + 1;
    failures.delete(key);
    failures.set(key, { last, times });
  }
  return [...failures.values()];
}

/** It ended with an error of its own, or ran out of memory. */
function hasFailed(death: DeathReport): boolean {
  return death.oomKilled || (!wasAsked(death) && death.exitCode !== null && death.exitCode !== 0);
}

/**
 * Someone asked it to end, and it did: that is not a failure, whatever its exit code. A lack of
 * memory is one all the same.
 */
export function wasAsked({ asked = false, oomKilled }: DeathReport): boolean {
  return asked && !oomKilled;
}

/** It was gone before its end could be looked at. */
export function hasUnknownEnd(death: DeathReport): boolean {
  return death.exitCode === null && !death.oomKilled && !wasAsked(death);
}

/** Explains why containers with an exit code such as 137 are not among the failures. */
export function askedSentence(asked: number): string {
  const [were, they] = asked === 1 ? ['was', 'it does'] : ['were', 'they do'];
  return `${count(asked, 'container')} ${were} asked to stop (docker stop, compose down): ${they} not count as failed.`;
}
