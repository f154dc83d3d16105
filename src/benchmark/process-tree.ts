import { type Clock, sleep } from '../lib/clock';
import { type IsMarked, type Process, processTable, signalGroup, signalProcess } from './process-table';

/**
 * The variable that marks the benchmark's processes, with the session's id as its value. Children
 * inherit it, unless they clear their environment. Later steps do not get it.
 */
export const SESSION_MARKER = 'CLEANUP_BENCHMARK';

/** When to send SIGKILL, and when to give up. Asked each time: a cancelled job shortens both. */
export interface Limits {
  /** Milliseconds since the epoch. */
  killAt(): number;
  giveUpAt(): number;
}

/** Milliseconds that the system needs to clear away a killed process. */
export const CLEAR_AWAY_MS = 1_000;

/** SIGKILL `graceMs` after `from` (milliseconds since the epoch). */
export function limitsFrom(from: number, graceMs: number): Limits {
  return { killAt: () => from + graceMs, giveUpAt: () => from + graceMs + CLEAR_AWAY_MS };
}

/** Milliseconds between searches. Most processes end at once; each search reads all of /proc. */
const SEARCH_EVERY_MS = { first: 10, max: 100 };

/**
 * The running processes that a benchmark started. On Linux:
 *
 * - those of its session (as of `setsid`): its process group, and groups that a shell made there;
 * - marked ones anywhere: with a `setsid` of their own, or without their parent.
 *
 * A process escapes if it has left the session, and has cleared its environment or hides it
 * (`ssh-agent`, another user's). macOS has no /proc: only the process group is known. On Windows
 * nothing is known after the benchmark's own end.
 */
export class ProcessTree {
  readonly #isMarked: IsMarked;
  /** Whether the runner, this process and its children are among those that may be marked. */
  readonly #sparesRelatives: boolean;
  #group: number | undefined;
  /** Whether the group's number is surely the benchmark's: numbers come again after a group. */
  #isGroupProven: boolean;

  private constructor(isMarked: IsMarked, group: number | undefined, isGroupProven: boolean, sparesRelatives = false) {
    this.#isMarked = isMarked;
    this.#sparesRelatives = sparesRelatives;
    this.#group = group;
    this.#isGroupProven = isGroupProven;
  }

  /**
   * For the process that started it.
   * @param group its process group, which still runs or has only just ended
   */
  static ofStarted(sessionId: string, group: number): ProcessTree {
    return new ProcessTree(ofBenchmark(sessionId), group, true);
  }

  /**
   * For a later process. Never signals others: the group counts only while it has a marked process.
   * @param group the process group, if known
   */
  static ofEarlier(sessionId: string, group: number | undefined): ProcessTree {
    return new ProcessTree(ofBenchmark(sessionId), group, false);
  }

  /**
   * For post: what later steps started. Without the ancestors of this process (the runner) and its
   * children. Linux only.
   */
  static ofJob(isMarked: IsMarked): ProcessTree {
    return new ProcessTree(isMarked, undefined, false, true);
  }

  /**
   * Sends SIGTERM, and SIGKILL from `killAt` on, until nothing is left or `giveUpAt` has passed.
   * Searches each time for new processes. Always sends SIGKILL once, however slow a search is.
   * Never throws.
   * @returns the survivors
   */
  async end(limits: Limits, clock: Clock): Promise<readonly Process[]> {
    const never = new AbortController().signal;
    let isAsked = false;
    let isKilled = false;
    for (let pause = SEARCH_EVERY_MS.first; ; pause = Math.min(2 * pause, SEARCH_EVERY_MS.max)) {
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

  /** The processes that run now. */
  async alive(): Promise<readonly Process[]> {
    const all = await processTable(this.#isMarked);
    if (all === undefined) return this.#groupAlone();
    const table = this.#sparesRelatives ? withoutRelatives(all) : all;
    const isInSession = ({ session }: Process) => session === this.#group;
    this.#isGroupProven ||= table.some((one) => one.isMarked && isInSession(one));
    const found = table.filter((one) => one.isMarked || (this.#isGroupProven && isInSession(one)));
    if (!found.some(isInSession)) this.#group = undefined; // The number may come again.
    return found;
  }

  #groupAlone(): readonly Process[] {
    const group = this.#group;
    if (group === undefined || !this.#isGroupProven || process.platform === 'win32' || !signalGroup(group, 0)) return [];
    return [
      {
        pid: group,
        name: 'process group',
        hasEnded: false,
        isOfKernel: false,
        parent: 0,
        group,
        session: group,
        startedAt: '',
        isMarked: true,
      },
    ];
  }

  /** Signals the group at once, so that nothing in it forks meanwhile; then the others. */
  #send(signal: NodeJS.Signals, processes: readonly Process[]): void {
    const group = this.#group;
    if (group !== undefined && processes.some((one) => one.group === group)) signalGroup(group, signal);
    for (const one of processes) if (one.group !== group) signalProcess(one, signal);
  }
}

function ofBenchmark(sessionId: string): IsMarked {
  return (environment) => environment.includes(`${SESSION_MARKER}=${sessionId}`);
}

function withoutRelatives(table: readonly Process[]): readonly Process[] {
  const parents = new Map(table.map(({ pid, parent }) => [pid, parent]));
  const ancestors = new Set(lineage(process.ppid, parents));
  return table.filter(({ pid }) => !ancestors.has(pid) && !lineage(pid, parents).includes(process.pid));
}

/**
 * The process and its ancestors, as far as they are known. Pids come again: the chain could be a
 * circle.
 */
function lineage(pid: number, parents: ReadonlyMap<number, number>): readonly number[] {
  const found = new Set<number>();
  for (let next: number | undefined = pid; next !== undefined && !found.has(next); next = parents.get(next)) found.add(next);
  return [...found];
}
