import type { Sandbox } from './sandbox';
import type { Timers } from './timers';

/** A sandbox's place in listings, which it keeps from its making until listings have forgotten it. */
export interface Entry {
  /** When it was made, or put here: the order of `sort=createdAt`. */
  readonly since: number;
  /** Tells apart what was made at the same time. */
  readonly serial: number;
  /** Undefined once it is gone. */
  now: Sandbox | undefined;
  /** What listings may still say of it; undefined: nothing, it was not there yet. */
  before: Sandbox | undefined;
  /** Until when they may. */
  lagsUntil: number;
}

/** All sandboxes of a server: by id, by name, by age, and by what they are forks of. Ten thousand of them are cheap to page through. */
export class Store {
  readonly #byId = new Map<string, Entry>();
  readonly #idsByName = new Map<string, string>();
  readonly #forks = new Map<string, Set<string>>();
  readonly #byAge: Entry[] = [];
  /** Deleted while in error: told of only by listings that ask for such. */
  readonly #errored = new Map<string, Sandbox>();
  readonly #listingLagMs: number;
  readonly #timers: Timers;
  #serial = 0;

  constructor(listingLagMs: number, timers: Timers) {
    this.#listingLagMs = listingLagMs;
    this.#timers = timers;
  }

  /** From the oldest to the newest, with those gone that listings may still tell of. */
  get byAge(): readonly Entry[] {
    return this.#byAge;
  }

  get erroredAndDeleted(): Iterable<Sandbox> {
    return this.#errored.values();
  }

  get(id: string): Sandbox | undefined {
    return this.#byId.get(id)?.now;
  }

  /** By its name as it is now: a deleted one has another. */
  named(name: string): Sandbox | undefined {
    const id = this.#idsByName.get(name);
    return id === undefined ? undefined : this.get(id);
  }

  /** What was forked from it and is still there. */
  forksOf(id: string): readonly Sandbox[] {
    return [...(this.#forks.get(id) ?? [])].flatMap((fork) => this.get(fork) ?? []);
  }

  put(sandbox: Sandbox): void {
    const known = this.#byId.get(sandbox.id);
    const entry = known ?? this.#enter(sandbox);
    this.#lag(entry);
    if (entry.now) this.#unlink(entry.now);
    entry.now = sandbox;
    this.#idsByName.set(sandbox.name, sandbox.id);
    if (sandbox.parent === undefined || sandbox.state === 'destroyed') return;
    const forks = this.#forks.get(sandbox.parent) ?? new Set();
    this.#forks.set(sandbox.parent, forks.add(sandbox.id));
  }

  /** Lets listings know of it as it is, as if it had been so for long. */
  settle(id: string): void {
    const entry = this.#byId.get(id);
    if (entry) entry.before = entry.now;
  }

  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (!entry?.now) return;
    this.#lag(entry);
    this.#unlink(entry.now);
    this.#byId.delete(id);
    entry.now = undefined;
    if (this.#listingLagMs === 0) this.#forget(entry);
    else this.#timers.after(this.#listingLagMs, () => this.#forget(entry));
  }

  /** As `remove`, for one in error. */
  bury(sandbox: Sandbox): void {
    this.remove(sandbox.id);
    this.#errored.set(sandbox.id, sandbox);
  }

  /** The first place in `byAge` that is not before this one. */
  placeOf(since: number, serial: number): number {
    let [low, high] = [0, this.#byAge.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#byAge[middle];
      if (entry && (entry.since - since || entry.serial - serial) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #enter(sandbox: Sandbox): Entry {
    this.#serial += 1;
    const since = sandbox.createdAt ?? Date.now();
    const entry: Entry = { since, serial: this.#serial, now: undefined, before: undefined, lagsUntil: 0 };
    this.#byId.set(sandbox.id, entry);
    this.#byAge.splice(this.placeOf(since, this.#serial), 0, entry);
    return entry;
  }

  /** From now on listings may say for a while what they said until now. */
  #lag(entry: Entry): void {
    const now = Date.now();
    if (now >= entry.lagsUntil || entry.before === undefined) entry.before = entry.now;
    entry.lagsUntil = now + this.#listingLagMs;
  }

  #unlink({ id, name, parent }: Sandbox): void {
    if (this.#idsByName.get(name) === id) this.#idsByName.delete(name);
    if (parent !== undefined) this.#forks.get(parent)?.delete(id);
  }

  #forget(entry: Entry): void {
    this.#byAge.splice(this.placeOf(entry.since, entry.serial), 1);
  }
}
