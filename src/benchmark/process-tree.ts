import { type Clock, sleep } from '../lib/clock';
import { type Process, processTable, signalGroup, signalProcess } from './process-table';

/**
 * The variable that marks a benchmark's processes; its value is the session's id. Only the benchmark gets it: what later steps start
 * is not its. It is inherited by whatever does not clear its environment.
 */
export const SESSION_MARKER = 'CLEANUP_BENCHMARK';

/** When what is to end gets SIGKILL, and when it is waited for no longer: asked anew each time, because a cancelled job can't wait. */
export interface Limits {
  /** Milliseconds since the epoch. */
  killAt(): number;
  giveUpAt(): number;
}

/** Milliseconds after SIGKILL in which the system clears a process away. */
export const CLEAR_AWAY_MS = 1_000;

/** SIGKILL `graceMs` after `from` (milliseconds since the epoch). */
export function limitsFrom(from: number, graceMs: number): Limits {
  return { killAt: () => from + graceMs, giveUpAt: () => from + graceMs + CLEAR_AWAY_MS };
}

/** Milliseconds between looks: soon at first, because most ends at once; then seldom, because a look reads all of /proc. */
const LOOK_EVERY_MS = { first: 10, longest: 100 };

/**
 * All that a benchmark started and that still runs. On Linux:
 *
 * - the processes of the session (in the sense of `setsid`) that it was started in: its process group, and other groups that a shell
 *   made there;
 * - wherever they have gone (a `setsid` of their own, a parent that has ended), the processes that carry the mark.
 *
 * So what escapes is a process that has both cleared its environment and left the session; and what this user may not look into or
 * signal: another user's, unless this one is root; one that forbids it (`ssh-agent`), once it has left the session. Elsewhere
 * there is no /proc: on macOS it is the process group alone; on Windows nothing is known once the benchmark itself has ended.
 */
export class ProcessTree {
  readonly #variable: string;
  #group: number | undefined;
  /** Whether the group's number is known to be the benchmark's still. It is used again when all of the group are gone. */
  #isGroupProven: boolean;

  private constructor(sessionId: string, group: number | undefined, isGroupProven: boolean) {
    this.#variable = `${SESSION_MARKER}=${sessionId}`;
    this.#group = group;
    this.#isGroupProven = isGroupProven;
  }

  /** For whom started it: `group` is its process group, and it has only just ended, or not yet. */
  static ofStarted(sessionId: string, group: number): ProcessTree {
    return new ProcessTree(sessionId, group, true);
  }

  /**
   * For whom comes later. What is not the benchmark's is never signalled: `group`, where it is known, counts as long as a process in
   * it carries the mark.
   */
  static ofEarlier(sessionId: string, group: number | undefined): ProcessTree {
    return new ProcessTree(sessionId, group, false);
  }

  /**
   * SIGTERM, and SIGKILL from `killAt` on, until nothing is left or `giveUpAt` has come. It looks again each time: what is being ended
   * may start more. On a machine so busy that one look takes all the time, SIGKILL is still sent. Never throws.
   * @returns what is left
   */
  async end(limits: Limits, clock: Clock): Promise<readonly Process[]> {
    const never = new AbortController().signal;
    let isAsked = false;
    let isKilled = false;
    for (let pause = LOOK_EVERY_MS.first; ; pause = Math.min(2 * pause, LOOK_EVERY_MS.longest)) {
      const left = await this.alive();
      const now = clock.now();
      if (left.length === 0 || (isKilled && now >= limits.giveUpAt())) return left;
      isKilled = now >= limits.killAt();
      if (isKilled) this.#send('SIGKILL', left);
      else if (!isAsked) this.#send('SIGTERM', left);
      isAsked = true;
      const next = isKilled ? limits.giveUpAt() : limits.killAt();
      await sleep(clock, Math.min(pause, Math.max(0, next - now)), never);
    }
  }

  /** What runs now. */
  async alive(): Promise<readonly Process[]> {
    const table = await processTable(this.#variable);
    if (table === undefined) return this.#lookAtGroup();
    const isInSession = ({ session }: Process) => session === this.#group;
    this.#isGroupProven ||= table.some((one) => one.carries && isInSession(one));
    const found = table.filter((one) => one.carries || (this.#isGroupProven && isInSession(one)));
    if (!found.some(isInSession)) this.#group = undefined; // From now on the number may be another's.
    return found;
  }

  #lookAtGroup(): readonly Process[] {
    const group = this.#group;
    if (group === undefined || !this.#isGroupProven || process.platform === 'win32' || !signalGroup(group, 0)) return [];
    return [{ pid: group, name: 'process group', hasEnded: false, group, session: group, startedAt: '', carries: true }];
  }

  /** The group at once, so that none of it can fork meanwhile; the others one by one. */
  #send(signal: NodeJS.Signals, processes: readonly Process[]): void {
    const group = this.#group;
    if (group !== undefined && processes.some((one) => one.group === group)) signalGroup(group, signal);
    for (const one of processes) if (one.group !== group) signalProcess(one, signal);
  }
}
