import { chmod, mkdtemp, rename } from 'node:fs/promises';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { serve } from './connection';
import type { Dial } from './dial';
import type { Rules } from './rules';

/** Bytes of a socket's path, without the zero at its end. https://man7.org/linux/man-pages/man7/unix.7.html, and macOS' sys/un.h */
const MAX_PATH_BYTES = { linux: 107, others: 103 };

/**
 * A path for a socket: in the directory, or where its name is too long for one, in a new directory that only this user can enter.
 */
export async function socketPath(directory: string, platform: NodeJS.Platform): Promise<string> {
  const path = join(directory, 'docker.sock');
  const longest = platform === 'linux' ? MAX_PATH_BYTES.linux : MAX_PATH_BYTES.others;
  // While it is not ready it has a longer name.
  if (Buffer.byteLength(path) + NOT_READY.length <= longest) return path;
  return join(await mkdtemp(join(tmpdir(), OWN_DIRECTORY)), 'docker.sock');
}

const NOT_READY = '.new';

/**
 * Connections that may wait to be accepted. A client that connects to a Unix socket when there are more gets EAGAIN at once; Node’s own
 * 511 are fewer than a burst of a benchmark’s has. The kernel caps this at its own limit, which Go’s servers ask for.
 */
const BACKLOG = 4096;

/** How the name of a directory begins that is there for a socket alone. */
export const OWN_DIRECTORY = 'cleanup-proxy-';

/**
 * Listens at the path, for this user alone. Node removes a socket's file when it closes the socket; under another name than it was
 * made with it stays until it is removed on purpose, whichever of two processes that listen at it ends first.
 */
export async function listenAt(path: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  await listening(server, { path: `${path}${NOT_READY}` });
  await chmod(`${path}${NOT_READY}`, 0o600);
  await rename(`${path}${NOT_READY}`, path);
  return server;
}

/** Listens at a free port of 127.0.0.1. */
export async function listenLocally(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  await listening(server, { host: '127.0.0.1', port: 0 });
  return server;
}

async function listening(server: Server, where: ListenOptions | { readonly fd: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, BACKLOG, resolve);
  });
}

/** Listens at what another process listens at, and which this one has inherited. */
export async function listenAs(descriptor: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  await listening(server, { fd: descriptor });
  return server;
}

/**
 * Serves what connects. A connection that fails in an odd way is closed, and tells why.
 * @returns ends all connections
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

/** Passes on what connects from now on, and looks at none of it. It shares no code with what serves, and may have failed. */
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

/** Each side's end is the other's, after all that came before it. */
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
