import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { dialer } from '../../../src/proxy/dial';
import { listenAt, serveAll } from '../../../src/proxy/listen';
import type { Rules } from '../../../src/proxy/rules';
import { until } from '../until';

/** One end of a connection, and all that came from the other. */
export class End {
  readonly socket: Socket;
  received = '';
  /** The other end will send no more. */
  ended = false;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => undefined);
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  async got(text: string): Promise<void> {
    await until(`“${text}” came; there was: ${this.received.slice(0, 500)}`, () => this.received === text);
  }

  async gotPart(text: string): Promise<void> {
    await until(`“${text}” came`, () => this.received.includes(text));
  }
}

/** A server that says what the test says, and a proxy before it. */
export class RawProxy {
  readonly directory: string;
  /** The proxy's socket. */
  readonly path: string;
  /** What the proxy had to tell. */
  readonly odd: unknown[] = [];
  readonly connections: End[] = [];
  #server: Server | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    this.path = join(directory, 'proxy.sock');
  }

  static async start(rules: Rules): Promise<RawProxy> {
    const proxy = new RawProxy(await mkdtemp(join(tmpdir(), 'proxy-')));
    await proxy.#listen();
    const server = await listenAt(proxy.path);
    serveAll(server, dialer({ url: `unix://${proxy.directory}/server.sock` }), rules, (error) => proxy.odd.push(error));
    onTestFinished(async () => {
      server.close();
      await proxy.stopServer();
      await rm(proxy.directory, { recursive: true, force: true });
    });
    return proxy;
  }

  async #listen(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.connections.push(new End(socket)));
    this.#server.listen({ path: join(this.directory, 'server.sock'), backlog: 4096 }); // As Go's servers have it.
    await once(this.#server, 'listening');
  }

  async stopServer(): Promise<void> {
    this.#server?.close();
    for (const { socket } of this.connections) socket.destroy();
  }

  async client(): Promise<End> {
    const socket = connect({ path: this.path, allowHalfOpen: true });
    await once(socket, 'connect');
    onTestFinished(() => {
      socket.destroy();
    });
    return new End(socket);
  }

  /** The server's end of the proxy's nth connection. */
  async connection(number = 0): Promise<End> {
    await until('the proxy connects to the server', () => this.connections.length > number);
    return this.connections[number] as End;
  }
}
