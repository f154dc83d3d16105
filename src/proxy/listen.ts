import { chmod, mkdtemp, rename } from 'node:fs/promises';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { serve } from './connection';
import type { Dial } from './dial';
import type { Rules } from './rules';

/**
 * The longest path of a socket, in bytes, without the zero at its end.
 * https://man7.org/linux/man-pages/man7/unix.7.html, and macOS' sys/un.h
 */
const MAX_PATH_BYTES = { linux: 107, others: 103 };

/** Chooses a path for a socket: in the directory, or if that is too long, in a new private one. */
export async function socketPath(directory: string, platform: NodeJS.Platform): Promise<string> {
  const path = join(directory, 'docker.sock');
  const longest = platform === 'linux' ? MAX_PATH_BYTES.linux : MAX_PATH_BYTES.others;
  // It has a longer name until it is ready.
  if (Buffer.byteLength(path) + NOT_READY.length <= longest) return path;
  return join(await mkdtemp(join(tmpdir(), OWN_DIRECTORY)), 'docker.sock');
}

const NOT_READY = '.new';

/**
 * The maximum number of connections that wait to be accepted. One more gets EAGAIN at once, and a
 * benchmark's burst exceeds Node's default of 511. The kernel has a lower limit of its own.
 */
const BACKLOG = 4096;

/** Begins the name of a private directory for a socket. */
export const OWN_DIRECTORY = 'cleanup-proxy-';

/**
 * Listens at the path, for this user alone. Renames the socket, because Node removes its file by name
 * when the first of the two processes closes it: the other one still listens.
 */
export async function listenAt(path: string): Promise<Server> {
  const unready = `${path}${NOT_READY}`;
  const server = await listening({ path: unready });
  await chmod(unready, 0o600);
  await rename(unready, path);
  return server;
}

/** Listens at a free port of 127.0.0.1. */
export function listenLocally(): Promise<Server> {
  return listening({ host: '127.0.0.1', port: 0 });
}

/** Listens at an inherited descriptor, at which another process listens, too. */
export function listenAs(descriptor: number): Promise<Server> {
  return listening({ fd: descriptor });
}

async function listening(where: ListenOptions | { readonly fd: number }): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, BACKLOG, resolve);
  });
  return server;
}

/**
 * Serves each connection. Closes one that fails, and tells why.
 * @returns a function that ends all connections
 */
export function serveAll(server: Server, dial: Dial, rules: Rules, odd: (error: unknown) => void): () => void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket.once('close', () => open.delete(socket)));
    if (socket.remoteAddress !== undefined) socket.setNoDelay(true);
    serve(socket, dial, rules).catch((error) => {
      socket.destroy();
      odd(error);
    });
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}

/** Passes on new connections without a look. Shares no code with `serveAll`, which may have failed. */
export function passAll(server: Server, dial: Dial): void {
  server.removeAllListeners('connection');
  server.on('connection', (client: Socket) => {
    client.on('error', () => undefined).pause();
    dial().then(
      (upstream) => pass(client, upstream),
      () => client.destroy(),
    );
  });
}

/** Connects both ways. An end on one side ends the other after all that came before it. */
function pass(client: Duplex, upstream: Duplex): void {
  upstream.on('error', () => undefined);
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.pipe(to);
    from.once('close', () => to.end(() => to.destroy()));
  }
}
