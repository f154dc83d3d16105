import { type Access, type Lifetime, type Lifetimes, NoLifetimes } from '../../core/lifetimes';
import { type Clock, sleep } from '../../lib/clock';
import { DaytonaClient } from './client';
import { AllowanceUsedUp, DaytonaError, hasStatus } from './errors';
import { resourceOf } from './sandboxes';

const MINUTE_MS = 60_000;

/** The part of each allowance left to the job itself, and to the cleanup after it. */
const SPARE = 0.5;

/** Milliseconds to wait after a refusal that does not say how long. */
const PAUSE_MS = 5_000;

export function openLifetimes(access: Access, clock: Clock): Lifetimes {
  return new SandboxLifetimes(access, clock);
}

/**
 * Daytona’s TTL: the one thing that ends a sandbox whatever it does. Auto-stop, with auto-delete
 * after it, ends only what looks idle, and would stop an agent that works by itself.
 */
class SandboxLifetimes implements Lifetimes {
  readonly access: Access;
  readonly #client: DaytonaClient;
  readonly #clock: Clock;

  constructor(access: Access, clock: Clock) {
    this.access = access;
    this.#client = new DaytonaClient(access.url, access, clock, { proxy: access.proxy, spare: SPARE });
    this.#clock = clock;
  }

  list({ key, value }: { readonly key: string; readonly value: string }, signal: AbortSignal): Promise<readonly string[]> {
    return this.#inTurn(signal, async () => {
      const ids: string[] = [];
      for await (const page of this.#client.pages(signal, { [key]: value })) ids.push(...page.map(({ id }) => id));
      return ids;
    });
  }

  async inspect(id: string, signal: AbortSignal): Promise<Lifetime | undefined> {
    try {
      const now = await this.#inTurn(signal, () => this.#client.get(id, signal));
      if (/^destroy/.test(now.state) || now.desiredState === 'destroyed') return undefined;
      const serverNow = this.#clock.now() + this.#client.serverAheadMs;
      return { resource: resourceOf(now), endsInMs: now.autoDestroyAt && now.autoDestroyAt - serverNow };
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async set(id: string, ms: number | undefined, signal: AbortSignal): Promise<void> {
    try {
      await this.#inTurn(signal, () => this.#client.setTtl(id, Math.ceil((ms ?? 0) / MINUTE_MS), signal));
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
      // This request is not known. v0.190 is such a server. Otherwise the sandbox is gone.
      if (/: 404 Cannot POST \//.test(error.answer)) throw new NoLifetimes('it knows no TTL', { cause: error });
    }
  }

  /** Waits until the rate limit allows the requests. */
  async #inTurn<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const isRefused = error instanceof AllowanceUsedUp || (error instanceof DaytonaError && error.statusCode === 429);
        if (!isRefused) throw error;
        await sleep(this.#clock, error.retryAfterMs ?? PAUSE_MS, signal);
      }
    }
  }
}
