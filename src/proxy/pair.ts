import { spawn } from 'node:child_process';
import type { Server } from 'node:net';
import { listenAs } from './listen';
import { type Servers, SIDES } from './servers';

/** The first of the file descriptors at which a second process finds what it is to listen at: after Node’s three, and the channel. */
const FIRST_DESCRIPTOR = 4;

/** Milliseconds before a partner is started again that ended soon after its start; each time twice as long. */
const PAUSE_MS = { first: 50, longest: 10_000 };

/** Milliseconds. A partner that lived so long did not end because it can't run. */
const LONG_LIFE_MS = 5_000;

/**
 * Two processes serve the same sockets, and each starts the other again when it ends: there is always one that listens, and what
 * connects while the other starts waits for nothing. This is the second's view: what it has from the first.
 */
export async function inherited(has: Readonly<Record<string, unknown>>): Promise<Servers> {
  const sides = SIDES.filter((side) => has[side]);
  const servers = sides.map(async (side, index) => [side, await listenAs(FIRST_DESCRIPTOR + index)] as const);
  return Object.fromEntries(await Promise.all(servers));
}

/** How a partner is started. */
export interface Partnership {
  readonly servers: Servers;
  /** Arguments for Node that start a partner. */
  readonly command: readonly string[];
  /** The other one started this one, and will not be there any more when it disconnects. */
  readonly isSecond: boolean;
  /** The session is over: no partner is needed any more. */
  readonly isOver: () => boolean;
}

/** What a second process says when it listens. */
const LISTENING = 'listening';

/** Milliseconds until a failed process ends. When both have failed, the second is to see that the first is gone, and stay. */
const END_AFTER_MS = { first: 50, second: 250 };

/** From now on there is a partner. */
export function keepPartner(partnership: Partnership): Partner {
  const partner = new Partner(partnership);
  if (partnership.isSecond && process.connected) {
    process.send?.(LISTENING, () => undefined); // The other one may have ended just now.
    process.once('disconnect', () => partner.start());
  } else partner.start();
  return partner;
}

/** The other process, started by this one again and again. */
export class Partner {
  readonly #partnership: Partnership;
  #pauseMs = 0;
  #isListening = false;
  #isToReplaceThis = false;

  constructor(partnership: Partnership) {
    this.#partnership = partnership;
  }

  start(): void {
    const { isOver, servers, command } = this.#partnership;
    if (isOver()) return;
    const startedAt = performance.now();
    const descriptors = SIDES.flatMap((side) => servers[side] ?? []).map(descriptorOf);
    const ended = once(() => this.#restart(performance.now() - startedAt));
    try {
      spawn(process.execPath, command, { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...descriptors] })
        .once('message', () => this.#listens())
        .once('error', ended)
        .once('exit', ended);
    } catch (error) {
      console.error(error); // There is no memory for one, say.
      ended();
    }
  }

  /** Ends this process, which has failed, when it has a partner. Both may have failed at the same moment, and one is to stay. */
  replaceThis(): void {
    if (process.connected) {
      setTimeout(() => (process.connected ? die() : this.replaceThis()), END_AFTER_MS.second);
      return;
    }
    this.#isToReplaceThis = true;
    setTimeout(() => this.#isListening && die(), END_AFTER_MS.first);
  }

  #listens(): void {
    this.#isListening = true;
    if (this.#isToReplaceThis) die();
  }

  #restart(livedMs: number): void {
    this.#isListening = false;
    const pause = livedMs > LONG_LIFE_MS ? 0 : this.#pauseMs;
    this.#pauseMs = Math.min(Math.max(pause * 2, PAUSE_MS.first), PAUSE_MS.longest);
    setTimeout(() => this.start(), pause);
  }
}

/** Without closing what both listen at in an orderly way, which would remove it. */
export function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Only the first call does something. */
export function once(run: () => void): () => void {
  let hasRun = false;
  return () => {
    if (!hasRun) run();
    hasRun = true;
  };
}

/** Node has no public name for it. Handed on as a message instead, a server would get Node's own, shorter backlog. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}
