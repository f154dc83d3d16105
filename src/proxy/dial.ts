import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Connects to a server. Rejects when it can't be reached. */
export type Dial = () => Promise<Duplex>;

/** The address of a server. It fits into JSON, and nothing in it is secret. */
export interface Address {
  /** `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port`, `https://host:port`, or another scheme. */
  readonly url: string;
  /** Paths of files for TLS. With any of them, TLS is used. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** `none`: TLS without a check of who answers. */
  readonly verification?: 'none' | undefined;
}

/** Port of an engine without and with TLS, registered with IANA. */
const TCP_PORT = { plain: 2375, tls: 2376 };

/**
 * Returns a function that connects to the address.
 * @param others by URL scheme, for what is no socket
 * @throws {Error} for an unknown scheme
 */
export function dialer(address: Address, others: Readonly<Record<string, (url: string) => Dial>> = {}): Dial {
  const { url } = address;
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1] ?? '';
  const other = Object.hasOwn(others, scheme) ? others[scheme] : undefined;
  if (other) return other(url);
  if (scheme === 'unix' || scheme === 'npipe') {
    const path = url.slice(`${scheme}://`.length);
    return () => connected(connect({ path, allowHalfOpen: true }), 'connect');
  }
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https') throw new Error(`the proxy can’t connect to “${url}”`);
  return dialTcp(address, scheme === 'https');
}

function dialTcp({ url, ca, cert, key, verification }: Address, isHttps: boolean): Dial {
  // `URL` drops the default port of schemes that it knows. It does not know tcp:.
  const { hostname, port } = new URL(url.replace(/^[a-z]+:/, 'tcp:'));
  const host = hostname.replace(/^\[|\]$/g, '');
  const options = { host, allowHalfOpen: true, noDelay: true };
  if (!(isHttps || ca || cert || verification)) {
    return () => connected(connect({ ...options, port: Number(port || TCP_PORT.plain) }), 'connect');
  }
  return async () => {
    const { connect: connectTls } = await import('node:tls'); // It takes megabytes, and most proxies need none.
    const files = await Promise.all(
      Object.entries({ ca, cert, key }).map(async ([name, path]) => [name, path && (await readFile(path))] as const),
    );
    const material = Object.fromEntries(files.filter(([, content]) => content));
    const socket = connectTls({
      ...options,
      ...material,
      port: Number(port || TCP_PORT.tls),
      ...(isIP(host) ? {} : { servername: host }), // A server of many names asks for it, and Node does not say it by itself.
      rejectUnauthorized: verification !== 'none',
    });
    return connected(socket, 'secureConnect');
  };
}

async function connected(socket: Socket, event: 'connect' | 'secureConnect'): Promise<Socket> {
  try {
    await new Promise<void>((resolve, reject) => socket.once(event, resolve).once('error', reject));
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
