import { existsSync } from 'node:fs';
import type { Access } from '../core/lifetimes';

/** What is to be renewed while the session lives. Nothing in it is secret. */
export interface RenewalSettings {
  readonly sessionId: string;
  /** Milliseconds after the last renewal. */
  readonly ttlMs: number;
  /** A file for what is renewed. The renewals end when it is gone. */
  readonly notes: string;
}

/**
 * Renews until the signal aborts.
 * @throws when it can't begin
 */
export type Renew = (settings: RenewalSettings, access: Access, signal: AbortSignal) => Promise<void>;

/** Has a session’s resources renewed, as long as nothing forbids it. */
export class Renewal {
  readonly #settings: RenewalSettings;
  readonly #access: Access;
  readonly #renew: Renew;
  readonly #end = new AbortController();
  #hasBegun = false;
  #isAtWork = false;

  constructor(settings: RenewalSettings, access: Access, renew: Renew) {
    this.#settings = settings;
    this.#access = access;
    this.#renew = renew;
  }

  /** Whether it has begun without a fault. */
  get isAtWork(): boolean {
    return this.#isAtWork;
  }

  /** Begins once this process is in charge, and ends with the session. Called again and again. */
  look(isInCharge: boolean, isOver: boolean): void {
    if (isOver || !existsSync(this.#settings.notes)) this.#end.abort();
    if (!isInCharge || this.#hasBegun || this.#end.signal.aborted) return;
    this.#hasBegun = true;
    try {
      this.#renew(this.#settings, this.#access, this.#end.signal).catch(console.error);
      this.#isAtWork = true;
    } catch (error) {
      console.error(error); // Without memory for it, say, the rest goes on.
    }
  }
}
