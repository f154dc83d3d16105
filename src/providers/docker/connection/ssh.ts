import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { ClientRequestArgs } from 'node:http';
import { Duplex } from 'node:stream';
import { EngineAgent } from './agent';

/** Seconds for ssh to reach the host. No longer than an engine's first answer may take. */
const CONNECT_TIMEOUT_S = 10;

/**
 * Milliseconds between two starts of ssh. By default sshd drops connections by chance as soon as ten of them have not logged in yet
 * (https://man.openbsd.org/sshd_config#MaxStartups); a hundred stops at once would lose most of theirs.
 */
const PACE_MS = 50;

/** An error is one line at the end of what ssh says. */
const STDERR_KEPT = 4096;

/** The connection through ssh ended by itself. */
export class SshFailed extends Error {
  override readonly name = 'SshFailed';
  /** Node's word for a connection that broke: another one may hold. */
  readonly code = 'ECONNRESET';
}

/**
 * The arguments of ssh for `ssh://[user@]host[:port]`: the same as the docker command's, so that ~/.ssh/config, its keys and its agent
 * do what they do there. Nobody is asked for anything.
 * @throws {Error} when the URL is none of that form: what ssh would take as an option, say
 */
export function sshArguments(url: string): readonly string[] {
  const parts = /^ssh:\/\/(?:(?<user>[\w.][\w.@+-]*)@)?(?<host>[\w.][\w.-]*|\[[0-9a-f:.]+\])(?::(?<port>\d{1,5}))?\/?$/i.exec(
    url,
  )?.groups;
  if (!parts?.['host']) throw new Error(`“${url}” is not a host for ssh: use ssh://[user@]host[:port]`);
  const { user, port } = parts;
  return [
    '-T',
    ...['-o', 'BatchMode=yes', '-o', `ConnectTimeout=${CONNECT_TIMEOUT_S}`],
    ...(user ? ['-l', user] : []),
    ...(port ? ['-p', port] : []),
    '--',
    parts['host'].replace(/^\[|\]$/g, ''),
    ...['docker', 'system', 'dial-stdio'],
  ];
}

/** Connects to the engine of another host: each connection is an ssh that runs `docker system dial-stdio` there. */
export class SshAgent extends EngineAgent {
  readonly #arguments: readonly string[];
  #nextStart = 0;

  /**
   * @param maxSockets connections at one time; more requests wait
   * @throws {Error} see `sshArguments`
   */
  constructor(url: string, maxSockets = Number.POSITIVE_INFINITY) {
    super({ keepAlive: true, maxSockets }); // A handshake takes a while: what is free is used again.
    this.#arguments = sshArguments(url);
  }

  override createConnection(
    _options: ClientRequestArgs,
    connected?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | undefined {
    const now = performance.now();
    const wait = this.#nextStart - now;
    this.#nextStart = Math.max(this.#nextStart, now) + PACE_MS;
    if (wait <= 0) return this.#dial();
    setTimeout(() => connected?.(null, this.#dial()), wait);
    return undefined;
  }

  /** Node's own needs a socket. A connection that waits for its next use is no reason for this process to go on. */
  override keepSocketAlive(connection: Duplex): boolean {
    if (connection instanceof SshConnection) connection.unref();
    return true;
  }

  #dial(): SshConnection {
    return new SshConnection(spawn('ssh', this.#arguments, { windowsHide: true }));
  }
}

/**
 * Connects to the engine of another host, each time anew.
 * @throws {Error} see `sshArguments`
 */
export function sshDialer(url: string): () => Promise<Duplex> {
  const agent = new SshAgent(url);
  return () =>
    new Promise((resolve, reject) => {
      const stream = agent.createConnection({}, (error, later) => (later ? resolve(later) : reject(error)));
      if (stream) resolve(stream);
    });
}

/** The two ends of an ssh as one stream. ssh ends with it, and it with ssh. */
class SshConnection extends Duplex {
  readonly #ssh: ChildProcessWithoutNullStreams;
  #said = '';

  constructor(ssh: ChildProcessWithoutNullStreams) {
    super();
    this.#ssh = ssh;
    ssh.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) ssh.stdout.pause();
    });
    ssh.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-STDERR_KEPT);
    });
    ssh.once('error', (cause) => this.destroy(new SshFailed(`ssh can’t be started: ${cause.message}`, { cause })));
    // When ssh has ended and all that it wrote is read: how it ended says more than the end of its output.
    ssh.once('close', (code) => this.#ended(code));
    // What could not be written shows when ssh ends.
    for (const stream of [ssh.stdin, ssh.stdout, ssh.stderr]) stream.on('error', () => undefined);
  }

  override _read(): void {
    this.#ssh.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: () => void): void {
    this.#ssh.stdin.write(chunk, () => written());
  }

  override _final(done: () => void): void {
    this.#ssh.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    for (const stream of [this.#ssh.stdin, this.#ssh.stdout, this.#ssh.stderr]) stream.destroy();
    this.#ssh.kill();
    this.unref(); // An ssh that is deaf to SIGTERM does not hold up this process.
    done(error);
  }

  unref(): this {
    return this.#each('unref');
  }

  ref(): this {
    return this.#each('ref');
  }

  #each(action: 'ref' | 'unref'): this {
    this.#ssh[action]();
    for (const stream of [this.#ssh.stdin, this.#ssh.stdout, this.#ssh.stderr]) {
      // Node declares these pipes as streams; they are sockets.
      (stream as Partial<Record<'ref' | 'unref', () => void>>)[action]?.();
    }
    return this;
  }

  #ended(code: number | null): void {
    if (code === 0) {
      this.push(null);
      return;
    }
    const lastLine = this.#said.trimEnd().split(/\r?\n/).at(-1)?.trim();
    this.destroy(new SshFailed(`ssh: ${lastLine || `it ended with ${code === null ? 'a signal' : `exit code ${code}`}`}`));
  }
}
