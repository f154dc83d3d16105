import type { DeathReport } from './model';
import { count } from './words';

/** A container that failed: its last end, and how often (the engine may restart it). */
export interface Failure {
  readonly last: DeathReport;
  readonly times: number;
}

/** Each failed container once, in the order of their last ends. */
export function failuresIn(deaths: readonly DeathReport[]): readonly Failure[] {
  const failures = new Map<string, Failure>();
  for (const last of deaths.filter(hasFailed)) {
    const key = `${last.provider} ${containerOf(last.id)}`;
    const times = (failures.get(key)?.times ?? 0) + 1;
    failures.delete(key);
    failures.set(key, { last, times });
  }
  return [...failures.values()];
}

/** On Kubernetes each run of a container has an id of its own, with the run's number at its end. */
function containerOf(id: string): string {
  return id.replace(/#\d+$/, '');
}

/** Whether it ended with an error of its own, ran out of memory, or has a reason in place of an exit code. */
function hasFailed(death: DeathReport): boolean {
  const { exitCode, oomKilled, reason } = death;
  return oomKilled || (!wasAsked(death) && (exitCode === null ? reason !== undefined : exitCode !== 0));
}

/** Whether it ended because something asked it to. Running out of memory is still a failure. */
export function wasAsked({ asked = false, oomKilled }: DeathReport): boolean {
  return asked && !oomKilled;
}

/** Whether it was gone before it could be inspected. */
export function hasUnknownEnd(death: DeathReport): boolean {
  return death.exitCode === null && !death.oomKilled && !wasAsked(death) && death.reason === undefined;
}

/** Explains why containers with an exit code such as 137 are not among the failures. */
export function askedSentence(asked: number): string {
  const [were, they] = asked === 1 ? ['was', 'it does'] : ['were', 'they do'];
  return `${count(asked, 'container')} ${were} asked to stop (docker stop, compose down): ${they} not count as failed.`;
}
