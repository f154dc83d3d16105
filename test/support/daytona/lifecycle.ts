import { randomUUID } from 'node:crypto';
import { ApiError } from './api-error';
import { type DesiredState, desiredIn, endOf, isErrored, isPending, type Sandbox, type State } from './sandbox';
import type { Store } from './store';
import type { Timers } from './timers';

const IN_PROGRESS = 'Sandbox state change in progress';
const ERRORED = 'Sandbox is in an errored state';

/** How long things take, in milliseconds. */
export interface Pace {
  /** From the acceptance of a request until it has had its effect. */
  readonly transitionMs: number;
  /** From the acceptance of a plain stop until the runner kills what does not hear it. About 21 s with Daytona. */
  readonly deafMs: number;
  /** How long a sandbox is still told of by its id, as `destroyed`, before it is not found. */
  readonly destroyedMs: number;
}

/** What becomes of sandboxes: requests are accepted at once, and go on in the background. */
export class Lifecycle {
  readonly #store: Store;
  readonly #timers: Timers;
  readonly #pace: Pace;
  readonly #organizationId: string;
  /** What each sandbox's transition is: one that somebody got in between of no longer counts. */
  readonly #transitions = new Map<string, symbol>();

  constructor(store: Store, timers: Timers, pace: Pace, organizationId: string) {
    this.#store = store;
    this.#timers = timers;
    this.#pace = pace;
    this.#organizationId = organizationId;
  }

  /** Puts a sandbox there; one that is in transition goes on. */
  add(options: Partial<Sandbox>): Sandbox {
    const now = Date.now();
    const id = options.id ?? randomUUID();
    const state = 'state' in options ? options.state : 'started';
    const sandbox: Sandbox = {
      organizationId: this.#organizationId,
      name: id,
      labels: {},
      desiredState: desiredIn(state),
      createdAt: now,
      updatedAt: now,
      lastActivityAt: now,
      snapshot: 'daytonaio/sandbox:0.4.3',
      target: 'us',
      errorReason: state === 'error' ? 'the runner lost it' : undefined,
      autoStopInterval: 15,
      autoPauseInterval: 0,
      autoDeleteInterval: -1,
      autoDestroyAt: undefined,
      parent: undefined,
      deaf: false,
      undeletable: undefined,
      warm: false,
      undying: false,
      stuck: false,
      ...options,
      state,
      id,
    };
    this.#store.put(sandbox);
    this.#goOn(sandbox);
    this.#endInTime(sandbox);
    return sandbox;
  }

  /** What something else does to it. A new state ends the transition that it was in. */
  change(sandbox: Sandbox, to: Partial<Sandbox>): Sandbox {
    const desired = 'state' in to ? { desiredState: desiredIn(to.state) } : {};
    const changed: Sandbox = { ...sandbox, updatedAt: Date.now(), ...desired, ...to, id: sandbox.id };
    this.#store.put(changed);
    if ('state' in to) this.#goOn(changed);
    if ('autoDestroyAt' in to) this.#endInTime(changed);
    return changed;
  }

  start(sandbox: Sandbox): Sandbox {
    if (isErrored(sandbox)) throw new ApiError(400, ERRORED);
    if (isPending(sandbox)) throw new ApiError(409, IN_PROGRESS);
    switch (sandbox.state) {
      case 'stopped':
        return this.#head(sandbox, 'started', 'starting');
      case 'archived':
        return this.#head(sandbox, 'started', 'restoring');
      case 'paused':
        return this.#head(sandbox, 'started', 'resuming');
      default:
        throw new ApiError(400, 'Sandbox is not in valid state');
    }
  }

  /**
   * Refuses a second stop while the first one goes on, by force as well, and after it.
   * Read in v0.190, apps/api/src/sandbox/services/sandbox.service.ts, `stop`.
   * @param force with SIGKILL, which ends what does not hear a plain stop
   */
  stop(sandbox: Sandbox, force: boolean): Sandbox {
    if (isErrored(sandbox)) throw new ApiError(400, ERRORED);
    if (isPending(sandbox) || `${sandbox.state}` !== `${sandbox.desiredState}`) throw new ApiError(409, IN_PROGRESS);
    if (sandbox.state !== 'started' && sandbox.state !== 'paused') throw new ApiError(400, 'Sandbox is not in a stoppable state');
    if (sandbox.autoDeleteInterval === 0) return this.#destroy(sandbox);
    return this.#head(sandbox, 'stopped', 'stopping', { deaf: sandbox.deaf && !force });
  }

  /** As `stop`: `destroy` there. */
  delete(sandbox: Sandbox): Sandbox {
    if (sandbox.state === 'starting' && sandbox.desiredState === 'started') throw new ApiError(500, 'Internal server error');
    if (isPending(sandbox) && sandbox.state !== 'pending_build') throw new ApiError(409, IN_PROGRESS);
    return this.#destroy(sandbox);
  }

  /** @param name the fork's */
  fork(parent: Sandbox, name: string | undefined): Sandbox {
    if (isPending(parent)) throw new ApiError(409, IN_PROGRESS);
    if (parent.state !== 'started') throw new ApiError(400, 'Sandbox is not started');
    const { labels, snapshot, target, organizationId } = parent;
    const named = name === undefined ? {} : { name };
    return this.add({ labels, snapshot, target, organizationId, parent: parent.id, state: 'creating', ...named });
  }

  /** Unless it is given another time by then. Whatever its state is. */
  #endInTime({ id, autoDestroyAt }: Sandbox): void {
    if (autoDestroyAt === undefined) return;
    this.#timers.after(autoDestroyAt - Date.now(), () => {
      const now = this.#store.get(id);
      if (now?.autoDestroyAt === autoDestroyAt && !isPending(now)) this.#destroy(now);
    });
  }

  #destroy(sandbox: Sandbox): Sandbox {
    if (this.#store.forksOf(sandbox.id).some(({ desiredState }) => desiredState !== 'destroyed')) {
      throw new ApiError(400, 'Cannot delete sandbox which has active fork children. The forks must be deleted first.');
    }
    const name = `DESTROYED_${sandbox.name}_${Date.now()}`;
    if (isErrored(sandbox)) return this.#bury({ ...sandbox, name });
    return this.#head(sandbox, 'destroyed', 'destroying', { name });
  }

  /** Hides it: nobody finds it by its id or in a listing any more, and nobody tries again to destroy it. */
  #bury(sandbox: Sandbox): Sandbox {
    const buried: Sandbox = { ...sandbox, desiredState: 'destroyed', updatedAt: Date.now() };
    this.#store.bury(buried);
    return buried;
  }

  /** Accepts a request: at first only the desired state tells of it, then the state does, then it has had its effect. */
  #head(sandbox: Sandbox, desiredState: DesiredState, by: State, more: Partial<Sandbox> = {}): Sandbox {
    const accepted: Sandbox = { ...sandbox, ...more, desiredState, updatedAt: Date.now() };
    this.#store.put(accepted);
    this.#later(accepted.id, this.#pace.transitionMs / 3, (now) => {
      const heading: Sandbox = { ...now, state: by, updatedAt: Date.now() };
      this.#store.put(heading);
      this.#goOn(heading, (this.#pace.transitionMs * 2) / 3);
    });
    return accepted;
  }

  /** Lets a transition come to its end, if this sandbox's ever do. */
  #goOn(sandbox: Sandbox, ms = this.#pace.transitionMs): void {
    this.#transitions.delete(sandbox.id);
    const end = endOf(sandbox.state);
    const { deaf, undying, stuck, state } = sandbox;
    if (end === undefined || stuck || (undying && state === 'destroying')) return;
    const takes = deaf && state === 'stopping' ? this.#pace.deafMs : ms;
    this.#later(sandbox.id, takes, (now) => this.#settle(now, end));
  }

  #settle(sandbox: Sandbox, state: State): void {
    if (state !== 'destroyed') {
      this.#store.put({ ...sandbox, state, desiredState: desiredIn(state), updatedAt: Date.now() });
      return;
    }
    if (sandbox.undeletable !== undefined) {
      this.#bury({ ...sandbox, state: 'error', errorReason: sandbox.undeletable });
      return;
    }
    if (this.#pace.destroyedMs === 0) {
      this.#store.remove(sandbox.id);
      return;
    }
    this.#store.put({ ...sandbox, state, updatedAt: Date.now() });
    this.#later(sandbox.id, this.#pace.destroyedMs, ({ id }) => this.#store.remove(id));
  }

  /** Unless something else has begun with it by then. */
  #later(id: string, ms: number, work: (now: Sandbox) => void): void {
    const transition = Symbol(id);
    this.#transitions.set(id, transition);
    this.#timers.after(ms, () => {
      const now = this.#store.get(id);
      if (this.#transitions.get(id) !== transition || now === undefined) return;
      this.#transitions.delete(id);
      work(now);
    });
  }
}
