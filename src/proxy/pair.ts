import { spawn } from 'node:child_process';
import type { Server } from 'node:net';
import { listenAs } from './listen';
import { type Servers, SIDES } from './servers';

/** The first of the file descriptors at which a second process finds what it is to listen at: after Node’s three, and the channel. */
const FIRST_DESCRIPTOR = 4;

/** Milliseconds before a partner that keeps ending is started again; each time twice as long. */
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

/** From now on there is a partner. */
export function keepPartner(partnership: Partnership): void {
  if (partnership.isSecond && process.connected) process.once('disconnect', () => startPartner(partnership, PAUSE_MS.first));
  else startPartner(partnership, PAUSE_MS.first);
}

function startPartner(partnership: Partnership, pauseMs: number): void {
  if (partnership.isOver()) return;
  const startedAt = performance.now();
  const descriptors = SIDES.flatMap((side) => partnership.servers[side] ?? []).map(descriptorOf);
  const partner = spawn(process.execPath, partnership.command, {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...descriptors],
  });
  let hasEnded = false;
  const ended = () => {
    if (hasEnded) return;
    hasEnded = true;
    const hasLived = performance.now() - startedAt > LONG_LIFE_MS;
    const pause = hasLived ? PAUSE_MS.first : pauseMs;
    setTimeout(() => startPartner(partnership, Math.min(pause * 2, PAUSE_MS.longest)), pause);
  };
  partner.once('error', ended).once('exit', ended);
}

/** Node has no public name for it. Handed on as a message instead, a server would get Node's own, shorter backlog. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}
