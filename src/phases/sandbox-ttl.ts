import { labels } from '../core/labels';
import { type Lifetimes, NoLifetimes } from '../core/lifetimes';
import { protectionOf } from '../core/selector';
import { type Clock, sleep } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { asError } from '../lib/errors';
import { Limit } from '../lib/limit';
import { plainLine } from '../report/escape';
import type { Log } from './log';

/** The sandboxes that the session renews. A process that takes over from another knows them. */
export interface Renewed {
  has(id: string): boolean;
  /** @throws when nothing is to be renewed any more */
  add(id: string): void;
  delete(id: string): void;
}

export interface RenewalOptions {
  /** Those without a clock are left out. */
  readonly connections: readonly { readonly name: string; readonly lifetimes?: Lifetimes }[];
  readonly renewed: Renewed;
  readonly sessionId: string;
  /** Milliseconds after the last renewal. */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warning'>;
  /** Aborts when the session renews no more. */
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks, at most: so long a new sandbox has no end of its own. */
const LOOK_EVERY_MS = 15_000;

/** Requests at a time: others share the rate limit. */
const AT_A_TIME = 8;

/**
 * Has the session’s sandboxes end by themselves some time after the session renewed them last, and
 * renews them every third of that time. What is left when nothing renews them any more goes without
 * a machine that cleans. Resolves when the signal aborts; never rejects.
 */
export async function renewLifetimes(options: RenewalOptions): Promise<void> {
  const all = options.connections.flatMap((found) =>
    found.lifetimes ? [new ConnectionRenewal(found.name, found.lifetimes, options)] : [],
  );
  await Promise.all(all.map((renewal) => renewal.run()));
}

class ConnectionRenewal {
  readonly #provider: string;
  readonly #lifetimes: Lifetimes;
  readonly #options: RenewalOptions;
  /** When this process renewed each last. */
  readonly #renewedAt = new Map<string, number>();
  /** What ends sooner than we would have it: somebody chose so. */
  readonly #others = new Set<string>();
  readonly #limit = new Limit(AT_A_TIME);
  #hasWarned = false;

  constructor(provider: string, lifetimes: Lifetimes, options: RenewalOptions) {
    this.#provider = provider;
    this.#lifetimes = lifetimes;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { ttlMs, clock, signal } = this.#options;
    const every = Math.min(LOOK_EVERY_MS, ttlMs / 6);
    while (await this.#look()) {
      const isOver = await sleep(clock, every, signal).then(
        () => false,
        () => true,
      );
      if (isOver) return;
    }
  }

  /** @returns whether there is to be another */
  async #look(): Promise<boolean> {
    const { clock, signal, sessionId, ttlMs } = this.#options;
    try {
      await withDeadline(ttlMs / 3, { clock, signal }, async ({ signal: inTime }) => {
        const ids = await this.#lifetimes.list({ key: labels.session, value: sessionId }, inTime);
        // Those first whose time runs out first. What has none from us does not run out.
        const due = ids.filter((id) => this.#isDue(id)).sort((one, other) => this.#urgency(one) - this.#urgency(other));
        const renewals = due.map((id) => this.#limit.run(inTime, () => this.#renew(id, inTime)));
        const failed = (await Promise.allSettled(renewals)).find(({ status }) => status === 'rejected');
        if (failed?.status === 'rejected') throw failed.reason;
      });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#warn(asError(error));
      return !(error instanceof NoLifetimes);
    }
  }

  #isDue(id: string): boolean {
    const { clock, ttlMs } = this.#options;
    const renewedAt = this.#renewedAt.get(id);
    return !this.#others.has(id) && (renewedAt === undefined || clock.now() - renewedAt >= ttlMs / 3);
  }

  #urgency(id: string): number {
    return this.#renewedAt.get(id) ?? (this.#options.renewed.has(id) ? 0 : Number.MAX_VALUE);
  }

  async #renew(id: string, signal: AbortSignal): Promise<void> {
    const { clock, ttlMs, sessionId, renewed } = this.#options;
    const now = await this.#lifetimes.inspect(id, signal);
    if (now === undefined) return;
    const { resource, endsInMs } = now;
    const isOurs = renewed.has(id);
    const isOwned = resource.labels[labels.session] === sessionId && protectionOf(resource) === undefined;
    if (!isOwned) {
      if (isOurs) await this.#lifetimes.set(id, undefined, signal);
      renewed.delete(id);
      this.#renewedAt.delete(id);
      return;
    }
    if (!isOurs && endsInMs !== undefined && endsInMs < ttlMs) {
      this.#others.add(id);
      return;
    }
    renewed.add(id);
    const askedAt = clock.now();
    await this.#lifetimes.set(id, ttlMs, signal);
    this.#renewedAt.set(id, askedAt);
  }

  #warn({ message }: Error): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.log.warning(
      plainLine(`sandbox-ttl: ${this.#provider}’s sandboxes may not end by themselves: ${message}`),
      'Sandbox TTL',
    );
  }
}
