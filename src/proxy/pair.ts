import { spawn } from 'node:child_process';
import type { Server } from 'node:net';
import { listenAs } from './listen';
import { type Servers, SIDES } from './servers';

/** The second process's first inherited socket: descriptors 0 to 2 are Node's, 3 is the channel. */
const FIRST_DESCRIPTOR = 4;

/** Milliseconds before a partner that ended soon is started again. Doubles each time. */
const PAUSE_MS = { first: 50, longest: 10_000 };

/** Milliseconds after which a partner's end does not mean that it can't run. */
const LONG_LIFE_MS = 5_000;

/**
 * Returns the sockets that the second process has from the first. Two processes serve the same
 * sockets, and each starts the other again when it ends: one always listens.
 */
export async function inherited(has: Readonly<Record<string, unknown>>): Promise<Servers> {
  const sides = SIDES.filter((side) => has[side]);
  const servers = sides.map(async (side, index) => [side, await listenAs(FIRST_DESCRIPTOR + index)] as const);
  return Object.fromEntries(await Promise.all(servers));
}

/** What a process needs to start its partner. */
export interface Partnership {
  readonly servers: Servers;
  /** Arguments for Node that start a partner. */
  readonly command: readonly string[];
  /** The other process started this one, and has ended when it disconnects. */
  readonly isSecond: boolean;
  /** Whether the session is over: then no partner is needed. */
  readonly isOver: () => boolean;
  /** Sent to a new partner. */
  readonly tell: object;
}

/** The second process's message when it listens. */
const LISTENING = 'listening';

/** Milliseconds before a failed process ends. The first is quicker: if both failed, the second stays. */
const END_AFTER_MS = { first: 50, second: 250 };

/** Keeps a partner running from now on. */
export function keepPartner(partnership: Partnership): Partner {
  const partner = new Partner(partnership);
  if (partnership.isSecond && process.connected) {
    process.send?.(LISTENING, () => undefined); // The other one may have ended just now.
    process.once('disconnect', () => partner.start());
  } else partner.start();
  return partner;
}

/** The other process, started by this one again and again. */
class Partner {
  readonly #partnership: Partnership;
  #pauseMs = 0;
  #isListening = false;
  #isToReplaceThis = false;

  constructor(partnership: Partnership) {
    this.#partnership = partnership;
  }

  start(): void {
    const { isOver, servers, command, tell } = this.#partnership;
    if (isOver()) return;
    const startedAt = performance.now();
    const descriptors = SIDES.flatMap((side) => servers[side] ?? []).map(descriptorOf);
    const ended = once(() => this.#restart(performance.now() - startedAt));
    try {
      const stdio = ['ignore', 'ignore', 'inherit', 'ipc', ...descriptors] as const;
      const partner = spawn(process.execPath, command, { detached: true, stdio: [...stdio] });
      partner
        .once('message', () => this.#listens())
        .once('error', ended)
        .once('exit', ended);
      partner.send(tell, () => undefined); // It may have ended already.
    } catch (error) {
      console.error(error); // There is no memory for one, say.
      ended();
    }
  }

  /** Ends this failed process once its partner listens. If both fail at once, one stays. */
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

/** Ends at once: an orderly end would remove the sockets at which the partner listens. */
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

/** Node has no public name for it. A server sent as a message would get Node's shorter backlog. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}
