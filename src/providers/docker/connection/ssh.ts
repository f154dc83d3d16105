import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { ClientRequestArgs } from 'node:http';
import { Duplex } from 'node:stream';
import { EngineAgent } from './agent';

/** Seconds for ssh to connect: as long as for an engine's first answer. */
const CONNECT_TIMEOUT_S = 10;

/**
 * Milliseconds between two starts of ssh. From ten pending logins on, sshd drops connections at
 * random (https://man.openbsd.org/sshd_config#MaxStartups): a hundred stops would lose most.
 */
const PACE_MS = 50;

/** Characters. The error is in the last line. */
const MAX_STDERR = 4096;

/** The connection through ssh has ended. */
class SshFailed extends Error {
  override readonly name = 'SshFailed';
  /** Node's code for a broken connection: a retry may help. */
  readonly code = 'ECONNRESET';
}

/**
 * The arguments of ssh for `ssh://[user@]host[:port]`, like the docker command's, so that
 * ~/.ssh/config, keys and agent apply. Never prompts.
 * @throws {Error} for another form, which ssh could take for an option
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

/** Connects to a remote engine: each connection is an ssh that runs `docker system dial-stdio`. */
export class SshAgent extends EngineAgent {
  readonly #arguments: readonly string[];
  #nextStart = 0;

  /**
   * @param maxSockets connections; more requests wait
   * @throws {Error} see `sshArguments`
   */
  constructor(url: string, maxSockets = Number.POSITIVE_INFINITY) {
    super({ keepAlive: true, maxSockets }); // Handshakes are slow: reuse connections.
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

  /** Node's own method needs a socket. An idle connection must not keep the process alive. */
  override keepSocketAlive(connection: Duplex): boolean {
    if (connection instanceof SshConnection) connection.unref();
    return true;
  }

  #dial(): SshConnection {
    return new SshConnection(spawn('ssh', this.#arguments, { windowsHide: true }));
  }
}

/**
 * Connects to a remote engine, each time anew.
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

/** The input and output of an ssh process as one stream. Both end together. */
class SshConnection extends Duplex {
  readonly #ssh: ChildProcessWithoutNullStreams;
  #stderr = '';

  constructor(ssh: ChildProcessWithoutNullStreams) {
    super();
    this.#ssh = ssh;
    ssh.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) ssh.stdout.pause();
    });
    ssh.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-MAX_STDERR);
    });
    ssh.once('error', (cause) => this.destroy(new SshFailed(`ssh can’t be started: ${cause.message}`, { cause })));
    // After all output: the exit code says more than the end of output.
    ssh.once('close', (code) => this.#ended(code));
    // Failed writes show when ssh ends.
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
    this.unref(); // An ssh that ignores SIGTERM must not keep the process alive.
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
      // Declared as streams, these pipes are sockets.
      (stream as Partial<Record<'ref' | 'unref', () => void>>)[action]?.();
    }
    return this;
  }

  #ended(code: number | null): void {
    if (code === 0) {
      this.push(null);
      return;
    }
    const lastLine = this.#stderr.trimEnd().split(/\r?\n/).at(-1)?.trim();
    this.destroy(new SshFailed(`ssh: ${lastLine || `it ended with ${code === null ? 'a signal' : `exit code ${code}`}`}`));
  }
}
