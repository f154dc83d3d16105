import { rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import type { RequestHead } from './http-head';

/** Milliseconds that the start of a container waits at most. */
const MAX_HOLD_MS = 1_000;

/** Bytes of a container's name or id. */
const MAX_NAME_BYTES = 4_096;

const START = /^(?:\/v[\w.]+)?(?:\/libpod)?\/containers\/(?<container>[^/]+)\/start$/;

/** Where a recorder listens for starts, beside the proxy's socket. */
export function startsSocket(engineSocket: string): string {
  return `${engineSocket}.rec`;
}

/**
 * Holds a request that starts a container until the recorder is ready for it, if there is a
 * recorder. Never rejects.
 */
export async function holdStart({ method, path }: RequestHead, socket: string): Promise<void> {
  const container = method === 'POST' ? START.exec(path)?.groups?.['container'] : undefined;
  if (container === undefined) return;
  await new Promise<void>((resolve) => {
    const recorder = connect(socket, () => recorder.write(`${container}\n`));
    recorder.setTimeout(MAX_HOLD_MS, () => recorder.destroy());
    recorder.on('error', () => undefined).once('close', resolve);
    recorder.resume();
  });
}

/**
 * Tells the recorder which containers are about to start.
 * @param prepare resolves when the container may start; never rejects
 * @returns ends it
 * @throws when it can't listen
 */
export async function listenForStarts(socket: string, prepare: (container: string) => Promise<void>): Promise<() => void> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client.once('close', () => open.delete(client)));
    let text = '';
    client.setEncoding('latin1').on('error', () => client.destroy());
    client.on('data', (part: string) => {
      text += part;
      const [container, isWhole] = text.split('\n');
      if (isWhole !== undefined && container) void prepare(container).then(() => client.destroy());
      else if (text.length > MAX_NAME_BYTES) client.destroy();
    });
  });
  rmSync(socket, { force: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
  await chmod(socket, 0o600);
  return () => {
    server.close();
    for (const client of open) client.destroy();
  };
}
