import type Docker from 'dockerode';
import type { Resource } from '../../../core/resource';
import type { Clock } from '../../../lib/clock';
import { ask } from '../connection/http';
import { createdAt, type Json, object, text } from '../connection/shapes';
import { classify } from '../errors';
import { findOwnContainer, type OwnContainer } from './own-container';
import { protectionOn } from './protection';

/** What is asked of an engine once, and said about each of its resources. */
interface Facts {
  readonly own: OwnContainer | undefined;
  /** Milliseconds that the engine's clock is ahead of ours. */
  readonly aheadMs: number;
}

/** Clocks that differ by less are as good as equal: the engine tells whole seconds. */
const SAME_TIME_MS = 1_000;

/**
 * Adds to a resource what its own listing does not tell: that it is protected, and its age by our clock. A machine that is not this one
 * may have another idea of the time.
 */
export class ResourceEnricher {
  readonly #docker: Docker;
  readonly #clock: Clock;
  #facts: Facts | undefined;

  constructor(docker: Docker, clock: Clock) {
    this.#docker = docker;
    this.#clock = clock;
  }

  /** @throws what the engine answers: without the facts, nothing can be listed */
  async enrich(resources: readonly Resource[], signal: AbortSignal): Promise<readonly Resource[]> {
    this.#facts ??= await this.#ask(signal);
    const { own, aheadMs } = this.#facts;
    const told = (resource: Resource): Resource => {
      const protection = resource.protection ?? protectionOn(resource, own);
      return {
        ...resource,
        ...(resource.createdAt === undefined ? {} : { createdAt: resource.createdAt - aheadMs }),
        ...(protection === undefined ? {} : { protection }),
        ...(resource.usedBy === undefined ? {} : { usedBy: resource.usedBy.map(told) }),
      };
    };
    return resources.map(told);
  }

  async #ask(signal: AbortSignal): Promise<Facts> {
    const askedAt = this.#clock.now();
    const { SystemTime } = await this.#info(signal);
    const ours = (askedAt + this.#clock.now()) / 2;
    const ahead = (createdAt(text(SystemTime)).createdAt ?? ours) - ours;
    return {
      own: await findOwnContainer(this.#docker, signal),
      aheadMs: Math.abs(ahead) >= SAME_TIME_MS ? ahead : 0,
    };
  }

  /** A proxy before the engine may forbid it: then the clocks are taken for equal. */
  async #info(signal: AbortSignal): Promise<Json> {
    try {
      return await ask(this.#docker, '/info', signal, object);
    } catch (error) {
      if (classify(error).kind === 'permanent' && !signal.aborted) return {};
      throw error;
    }
  }
}
