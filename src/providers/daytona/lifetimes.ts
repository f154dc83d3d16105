import { type Lifetime, type Lifetimes, NoLifetimes } from '../../core/lifetimes';
import type { Resource } from '../../core/resource';
import type { SandboxInfo } from './answers';
import type { DaytonaClient } from './client';
import { hasStatus } from './errors';

const MINUTE_MS = 60_000;

/**
 * Daytona’s TTL: the one thing that ends a sandbox whatever it does. Auto-stop, with auto-delete
 * after it, ends only what looks idle, and would stop an agent that works by itself.
 */
export class SandboxLifetimes implements Lifetimes {
  readonly #client: DaytonaClient;
  readonly #resource: (sandbox: SandboxInfo) => Resource;
  /** Milliseconds since the epoch, by the server’s clock. */
  readonly #serverNow: () => number;

  constructor(client: DaytonaClient, resource: (sandbox: SandboxInfo) => Resource, serverNow: () => number) {
    this.#client = client;
    this.#resource = resource;
    this.#serverNow = serverNow;
  }

  async list({ key, value }: { readonly key: string; readonly value: string }, signal: AbortSignal): Promise<readonly string[]> {
    const ids: string[] = [];
    for await (const page of this.#client.pages(signal, { [key]: value })) ids.push(...page.map(({ id }) => id));
    return ids;
  }

  async inspect(id: string, signal: AbortSignal): Promise<Lifetime | undefined> {
    try {
      const now = await this.#client.get(id, signal);
      if (/^destroy/.test(now.state) || now.desiredState === 'destroyed') return undefined;
      return { resource: this.#resource(now), endsInMs: now.autoDestroyAt && now.autoDestroyAt - this.#serverNow() };
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async set(id: string, ms: number | undefined, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.setTtl(id, Math.ceil((ms ?? 0) / MINUTE_MS), signal);
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
      // This request is not known. v0.190 is such a server. Otherwise the sandbox is gone.
      if (/: 404 Cannot POST \//.test(error.answer)) throw new NoLifetimes('it knows no TTL', { cause: error });
    }
  }
}
