import { type ChildProcess, spawn } from 'node:child_process';
import { Server } from 'node:net';
import type { Servers, Side } from './servers';

/** What one of two processes tells the other when it hands it something that listens. */
interface HandedOn {
  readonly side: Side;
  /** All that will be handed on. */
  readonly sides: readonly Side[];
}

/** Milliseconds before a partner that keeps ending is started again; each time twice as long. */
const PAUSE_MS = { first: 50, longest: 10_000 };

/** Milliseconds. A partner that lived so long did not end because it can't run. */
const LONG_LIFE_MS = 5_000;

/**
 * Two processes serve the same sockets, and each starts the other again when it ends: there is always one that listens, and what
 * connects while the other starts waits for nothing. This is the second's view: what it gets from the first.
 * @throws {Error} when the first ends before that: then there is nothing to serve
 */
export async function handedOn(): Promise<Servers> {
  const servers: Partial<Record<Side, Server>> = {};
  return new Promise((resolve, reject) => {
    process.on('message', ({ side, sides }: HandedOn, server: unknown) => {
      if (!(server instanceof Server)) return reject(new Error(`nothing listens for ${side}`));
      servers[side] = server;
      if (sides.every((name) => servers[name])) resolve(servers);
    });
    process.once('disconnect', () => reject(new Error('the first process ended')));
  });
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
  const partner = spawn(process.execPath, partnership.command, { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let hasEnded = false;
  const ended = () => {
    if (hasEnded) return;
    hasEnded = true;
    const hasLived = performance.now() - startedAt > LONG_LIFE_MS;
    const pause = hasLived ? PAUSE_MS.first : pauseMs;
    setTimeout(() => startPartner(partnership, Math.min(pause * 2, PAUSE_MS.longest)), pause);
  };
  partner.once('error', ended).once('exit', ended);
  handOn(partnership.servers, partner);
}

function handOn(servers: Servers, partner: ChildProcess): void {
  const sides = Object.keys(servers) as readonly Side[];
  for (const side of sides) {
    const server = servers[side];
    const message: HandedOn = { side, sides };
    // A partner that ended meanwhile is started again.
    if (server && partner.connected) partner.send(message, server, () => undefined);
  }
}
