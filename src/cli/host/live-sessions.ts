import { join } from 'node:path';
import { systemClock } from '../../lib/clock';
import { Claims, type Taken } from './claims';

/** The sessions of this user's `run`s in progress on this host. */
export class LiveSessions {
  readonly #claims: Claims | undefined;

  /** @param stateDirectory see `stateDirectory`; undefined: live sessions are not known */
  constructor(stateDirectory: string | undefined) {
    this.#claims = stateDirectory === undefined ? undefined : new Claims(join(stateDirectory, 'sessions'), systemClock);
  }

  /** False: a session of this runner may be live although it is not in `ids`. */
  get areKnown(): boolean {
    return this.#claims !== undefined;
  }

  /**
   * Registers a session before anything of it is made.
   * @throws when the registration can't be written
   */
  async register(session: string): Promise<Taken> {
    return this.#claims?.take(session) ?? { release: async () => undefined };
  }

  /** Read anew: what is live now, and was when something of it was listed. */
  ids(): readonly string[] {
    return (this.#claims?.all() ?? []).map(({ session }) => session);
  }

  has(session: string): boolean {
    return this.ids().includes(session);
  }
}
