import type Docker from 'dockerode';
import type { Clock } from '../../../lib/clock';
import { type Json, object, text } from '../../../lib/json-shape';
import { engineIdIn } from '../connection/connect';
import { ask } from '../connection/http';
import { createdAt } from '../connection/shapes';
import { classify } from '../errors';
import { findOwnContainer, type OwnContainer } from './protection';
import { type SwarmNode, swarmNodeIn } from './swarm';

/** Facts about the engine, for all of its resources. */
interface Facts {
  readonly own: OwnContainer | undefined;
  /** Milliseconds by which the engine's clock is ahead of ours. */
  readonly aheadMs: number;
  /** The same under every address. */
  readonly engineId: string | undefined;
  readonly swarm: SwarmNode;
}

/** Milliseconds. Smaller differences do not count: the engine rounds to seconds. */
const SAME_TIME_MS = 1_000;

/** Asks an engine for its facts: once for all who want to know, and again after a failure. */
export class EngineFacts {
  readonly #docker: Docker;
  readonly #clock: Clock;
  #facts: Promise<Facts> | undefined;

  constructor(docker: Docker, clock: Clock) {
    this.#docker = docker;
    this.#clock = clock;
  }

  /** @throws the engine's errors */
  async of(signal: AbortSignal): Promise<Facts> {
    this.#facts ??= this.#ask(signal);
    try {
      return await this.#facts;
    } catch (error) {
      this.#facts = undefined;
      throw error;
    }
  }

  async #ask(signal: AbortSignal): Promise<Facts> {
    const askedAt = this.#clock.now();
    const info = await this.#info(signal);
    const ours = (askedAt + this.#clock.now()) / 2;
    const ahead = (createdAt(text(info['SystemTime'])).createdAt ?? ours) - ours;
    return {
      own: await findOwnContainer(this.#docker, signal),
      aheadMs: Math.abs(ahead) >= SAME_TIME_MS ? ahead : 0,
      engineId: engineIdIn(info),
      swarm: swarmNodeIn(info),
    };
  }

  /** A proxy may forbid it: then the clocks count as equal. */
  async #info(signal: AbortSignal): Promise<Json> {
    try {
      return await ask(this.#docker, '/info', signal, object);
    } catch (error) {
      if (classify(error).kind === 'permanent' && !signal.aborted) return {};
      throw error;
    }
  }
}
