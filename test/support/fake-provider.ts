import type { ErrorClass, Provider, Rung, RungAction, RungAnswer, StopOutcome } from '../../src/core/provider';
import { type Kind, keyOf, type Resource } from '../../src/core/resource';

/** An error that says itself what it means. */
export class FakeError extends Error {
  override readonly name = 'FakeError';
  readonly verdict: ErrorClass;

  constructor(kind: ErrorClass['kind'], message = `${kind} error`, retryAfterMs?: number) {
    super(message);
    this.verdict = kind === 'retryable' && retryAfterMs !== undefined ? { kind, retryAfterMs } : { kind };
  }
}

export type Operation = 'list' | 'inspect' | RungAction;

/** What goes wrong: an error; no answer until the signal aborts; or no answer, whatever the signal says. */
export type Fault = Error | 'hang' | 'hang for ever';

/** Which calls it goes wrong for: `nth` counts from 1, for each operation and resource by itself. */
type Calls = (nth: number, id: string) => boolean;

/** How a resource takes what is done to it. */
export interface Habits {
  /** Milliseconds from the stop signal to its end; `Infinity`: deaf to it. */
  readonly endsAfterMs?: number;
  /** The provider removes it as soon as it ends. */
  readonly autoRemove?: boolean;
  /** Milliseconds from the answer to a removal until it is gone. */
  readonly lingersMs?: number;
}

interface Entry {
  resource: Resource;
  readonly habits: Required<Habits>;
}

export interface RecordedCall {
  readonly operation: Operation;
  /** Of a resource; for a listing, the kind. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** With `stop`. */
  readonly graceMs?: number;
}

/** What each call does to a provider: it makes it work, only waits there, or only looks. */
const USES = { list: 'looking', inspect: 'looking', stop: 'waiting', kill: 'working', remove: 'working' } as const;

/** A provider in memory: what is in it changes with time and with what is asked of it, and goes wrong where it is told to. */
export class FakeProvider implements Provider {
  readonly name = 'fake';
  readonly stages: readonly (readonly Kind[])[] = [['container', 'sandbox'], ['network', 'volume'], ['image']];
  listingLagMs?: number;
  failedRemovals?: NonNullable<Provider['failedRemovals']>;
  pollMs?: { readonly first: number; readonly max: number };
  readonly calls: RecordedCall[] = [];
  /** Milliseconds that every answer takes. */
  latencyMs = 0;
  /** As Docker: an answered removal is the end, and a kill needs no inspection before it. */
  isPrompt = false;
  /** The most calls at one time that made it work, and that waited for a resource to end. */
  readonly mostInFlight = { working: 0, waiting: 0, looking: 0 };
  readonly #inFlight = { working: 0, waiting: 0, looking: 0 };
  readonly #entries = new Map<string, Entry>();
  readonly #hidden = new Set<string>();
  readonly #faults: { readonly operation: Operation; readonly fault: Fault; readonly calls: Calls }[] = [];

  /** Puts a resource there: a running container called `a`, unless told otherwise. */
  add(resource: Partial<Resource> = {}, habits: Habits = {}): Resource {
    const id = resource.id ?? 'a';
    const state = resource.state ?? 'running';
    const running = resource.running ?? state === 'running';
    const whole: Resource = { provider: this.name, kind: 'container', name: id, labels: {}, ...resource, id, state, running };
    this.#entries.set(keyOf(whole), {
      resource: whole,
      habits: { endsAfterMs: 0, autoRemove: false, lingersMs: 0, ...habits },
    });
    return whole;
  }

  /** What something else does: `{ state: 'exited', running: false }`, or nothing any more. */
  change(resource: Resource, to: Partial<Resource> | undefined): void {
    const entry = this.#entries.get(keyOf(resource));
    if (to === undefined) this.#entries.delete(keyOf(resource));
    else if (entry) entry.resource = { ...entry.resource, ...to };
  }

  /** Leaves it out of listings from now on; it is still there. */
  hide(resource: Resource): void {
    this.#hidden.add(keyOf(resource));
  }

  has(resource: Resource): boolean {
    return this.#entries.has(keyOf(resource));
  }

  /** Lets calls go wrong: all of the operation, unless told otherwise. */
  fail(operation: Operation, fault: Fault, calls: Calls = () => true): this {
    this.#faults.push({ operation, fault, calls });
    return this;
  }

  /** How often an operation was asked for. */
  count(operation: Operation, id?: string): number {
    return this.calls.filter((call) => call.operation === operation && (id === undefined || call.id === id)).length;
  }

  list(kind: Kind, signal: AbortSignal): Promise<readonly Resource[]> {
    const isListed = (resource: Resource) => resource.kind === kind && !this.#hidden.has(keyOf(resource));
    const ofKind = () => [...this.#entries.values()].map(({ resource }) => resource).filter(isListed);
    return this.#answer('list', kind, signal, ofKind);
  }

  inspect(resource: Resource, signal: AbortSignal): Promise<Resource | undefined> {
    return this.#answer('inspect', resource.id, signal, () => this.#entries.get(keyOf(resource))?.resource);
  }

  ladder(resource: Resource): readonly Rung[] {
    const rung = (action: RungAction, timeoutMs: number, run: Rung['run']): Rung => ({ action, timeoutMs, waits: false, run });
    const stop = { ...rung('stop', 15_000, (signal, graceMs) => this.#stop(resource, signal, graceMs)), waits: true };
    const kill: Rung = {
      ...rung('kill', 5_000, (signal) => this.#kill(resource, signal)),
      ...(this.isPrompt ? { unchecked: true } : {}),
    };
    const remove = { ...rung('remove', 10_000, (signal) => this.#remove(resource, signal)), reached: () => false };
    return resource.running ? [stop, kill, remove] : [remove];
  }

  classify(error: unknown): ErrorClass {
    return error instanceof FakeError ? error.verdict : { kind: 'permanent' };
  }

  removalCommand({ kind, id }: Resource): string {
    return `fake rm ${kind} ${id}`;
  }

  #stop(resource: Resource, signal: AbortSignal, graceMs: number): Promise<StopOutcome | undefined> {
    const work = async (entry: Entry) => {
      const { endsAfterMs } = entry.habits;
      await pause(Math.min(endsAfterMs, graceMs), signal);
      this.#end(entry);
      return endsAfterMs <= graceMs ? 'graceful' : 'killed';
    };
    return this.#answer('stop', resource.id, signal, () => work(this.#existing(resource)), graceMs);
  }

  #kill(resource: Resource, signal: AbortSignal): Promise<undefined> {
    return this.#answer('kill', resource.id, signal, () => this.#end(this.#existing(resource)));
  }

  #remove(resource: Resource, signal: AbortSignal): Promise<RungAnswer> {
    return this.#answer('remove', resource.id, signal, () => {
      const entry = this.#existing(resource);
      entry.resource = { ...entry.resource, state: 'removing', running: false };
      const { lingersMs } = entry.habits;
      if (lingersMs === 0) this.change(resource, undefined);
      else if (lingersMs < Number.POSITIVE_INFINITY) setTimeout(() => this.change(resource, undefined), lingersMs);
      return this.isPrompt && lingersMs === 0 ? 'gone' : undefined;
    });
  }

  #existing(resource: Resource): Entry {
    const entry = this.#entries.get(keyOf(resource));
    if (!entry) throw new FakeError('gone', `no such ${resource.kind}: ${resource.id}`);
    return entry;
  }

  #end(entry: Entry): undefined {
    entry.resource = { ...entry.resource, state: 'exited', running: false };
    if (entry.habits.autoRemove) this.change(entry.resource, undefined);
  }

  async #answer<T>(
    operation: Operation,
    id: string,
    signal: AbortSignal,
    answer: () => T | Promise<T>,
    graceMs?: number,
  ): Promise<T> {
    this.calls.push({
      operation,
      id,
      at: performance.timeOrigin + performance.now(),
      ...(graceMs === undefined ? {} : { graceMs }),
    });
    const nth = this.count(operation, id);
    const use = USES[operation];
    this.#inFlight[use] += 1;
    this.mostInFlight[use] = Math.max(this.mostInFlight[use], this.#inFlight[use]);
    try {
      await pause(this.latencyMs, signal);
      const fault = this.#faults.find((candidate) => candidate.operation === operation && candidate.calls(nth, id))?.fault;
      if (fault === 'hang for ever') await new Promise(() => undefined);
      if (fault === 'hang') await pause(Number.POSITIVE_INFINITY, signal);
      if (fault instanceof Error) throw fault;
      return await answer();
    } finally {
      this.#inFlight[use] -= 1;
    }
  }
}

/** @throws what a client makes of an aborted request: an error of its own */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = ms < Number.POSITIVE_INFINITY ? setTimeout(resolve, ms) : undefined;
  signal.addEventListener('abort', () => reject(new FakeError('permanent', 'the request was aborted')), { once: true });
  await promise.finally(() => clearTimeout(timer));
}
