import { join } from 'node:path';
import { systemClock } from '../../lib/clock';
import { Claims, type Taken } from './claims';

/** The sessions of this user's runs in progress on this host. */
export class LiveSessions {
  readonly #claims: Claims | undefined;

  /** @param stateDirectory undefined: live sessions are unknown */
  constructor(stateDirectory: string | undefined) {
    this.#claims = stateDirectory === undefined ? undefined : new Claims(join(stateDirectory, 'sessions'), systemClock);
  }

  /** False: a session of this runner may be live although it is not in `ids`. */
  get areKnown(): boolean {
    return this.#claims !== undefined;
  }

  /**
   * Registers a session before anything of it exists.
   * @throws when the registration can't be written
   */
  async register(session: string): Promise<Taken> {
    return this.#claims?.take(session) ?? { release: async () => undefined };
  }

  /** Read from the files with each call. */
  ids(): readonly string[] {
    return (this.#claims?.all() ?? []).map(({ session }) => session);
  }

  has(session: string): boolean {
    return this.ids().includes(session);
  }
}
