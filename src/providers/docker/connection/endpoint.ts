import { readFileSync } from 'node:fs';
import type { Agent, AgentOptions, ClientRequestArgs } from 'node:http';
import { connect, isIP, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type Docker from 'dockerode';
import { shellWord } from '../../../lib/shell-word';
import { EngineAgent } from './agent';
import { SshAgent } from './ssh';

/** The address of an engine, without secrets: main saves it for post. */
export interface Endpoint {
  /**
   * `unix:///var/run/docker.sock`, `npipe:////./pipe/docker_engine`, `tcp://host`, `ssh://host`.
   */
  readonly url: string;
  /** The source of the address, for the log. */
  readonly from: string;
  /** Files for TLS; each of them switches it on. Default of `ca`: the system's authorities. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** `none`: uses TLS without verification, as the user's docker context says. */
  readonly verification?: 'none';
}

/** The docker command's default. */
const DEFAULT_URL = 'unix:///var/run/docker.sock';

/** An engine's ports, registered with IANA. */
const TCP_PORT = { plain: 2375, tls: 2376 };

/** The declared types lack the agent. */
type ClientOptions = Docker.DockerOptions & { readonly agent: Agent };

/** As in Node's default agent: reuses connections, which do not keep the process alive. */
const KEEP_ALIVE: AgentOptions = { keepAlive: true, scheduling: 'lifo', timeout: 5_000 };

/**
 * The options for dockerode. An agent decides where to connect: given a host, docker-modem would
 * use `url.parse`, which warns (DEP0169) in a bundle.
 * @param maxSockets connections; more requests wait
 * @throws {Error} when the URL's scheme is unknown, or a certificate can't be read
 */
export function dockerOptions(endpoint: Endpoint, maxSockets = Number.POSITIVE_INFINITY): ClientOptions {
  const { url } = endpoint;
  const options = { ...KEEP_ALIVE, maxSockets };
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  switch (scheme) {
    case 'unix':
    case 'npipe':
      return { protocol: 'http', socketPath: url.slice(`${scheme}://`.length), agent: new EngineAgent(options) };
    case 'tcp':
    case 'http':
    case 'https': {
      const { host, port, tls } = tcpAddress(endpoint);
      const agent = new TcpAgent(options, { host, port }, tls);
      return {
        protocol: 'http',
        socketPath: url,
        agent,
        headers: { Host: `${host.includes(':') ? `[${host}]` : host}:${port}` },
      };
    }
    case 'ssh':
      return { protocol: 'http', socketPath: url, agent: new SshAgent(url, maxSockets) };
    default:
      throw new Error(`“${url}” is not an engine’s endpoint: use unix://, npipe://, tcp:// or ssh://`);
  }
}

interface TcpAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions | undefined;
}

/** @throws {Error} when a certificate can't be read */
export function tcpAddress({ url, verification, ...files }: Endpoint): TcpAddress {
  // With the scheme tcp:, URL keeps any port. It also keeps the brackets of IPv6 addresses.
  const { hostname, port } = new URL(url.replace(/^[a-z]+:/, 'tcp:'));
  const host = hostname.replace(/^\[|\]$/g, '');
  const named = (['ca', 'cert', 'key'] as const).flatMap((part) =>
    files[part] === undefined ? [] : [[part, files[part]] as const],
  );
  const tls = url.startsWith('https:') || verification === 'none' || named.length > 0;
  if (!tls) return { host, port: Number(port || TCP_PORT.plain), tls: undefined };
  const material = Object.fromEntries(named.map(([part, path]) => [part, readFileSync(path, 'utf8')]));
  return {
    host,
    port: Number(port || TCP_PORT.tls),
    tls: { ...material, ...(verification === 'none' ? { rejectUnauthorized: false } : {}) },
  };
}

/** Connects to one address, whatever the request says. */
class TcpAgent extends EngineAgent {
  readonly #dial: () => Duplex;

  constructor(options: AgentOptions, address: TcpNetConnectOpts & { readonly host: string }, tls: ConnectionOptions | undefined) {
    super(options);
    // TLS handshakes do not name IP addresses: https://www.rfc-editor.org/rfc/rfc6066#section-3
    const servername = isIP(address.host) ? {} : { servername: address.host };
    this.#dial = () => (tls ? connectTls({ ...tls, ...address, ...servername }) : connect(address));
  }

  override createConnection(_options: ClientRequestArgs): Duplex {
    return this.#dial();
  }
}

/** Leads the docker command to the engine: `--host tcp://host:2376 --tlsverify …`. */
export function dockerArguments({ url, ca, cert, key, verification }: Endpoint): readonly string[] {
  if (url === DEFAULT_URL) return [];
  const files = { tlscacert: ca, tlscert: cert, tlskey: key };
  const tls = [
    ...(verification === 'none' ? ['--tls'] : ca || cert || url.startsWith('https:') ? ['--tlsverify'] : []),
    ...Object.entries(files).flatMap(([option, path]) => (path ? [`--${option}`, path] : [])),
  ];
  return ['--host', url.replace(/^https?:/, 'tcp:'), ...tls];
}

/** A command for a POSIX shell. */
export function dockerCommand(endpoint: Endpoint, ...words: readonly string[]): string {
  return ['docker', ...dockerArguments(endpoint), ...words].map(shellWord).join(' ');
}

/** The same for what only Podman has: `podman --url unix:///run/podman/podman.sock pod rm …`. */
export function podmanCommand({ url }: Endpoint, ...words: readonly string[]): string {
  return ['podman', '--url', url, ...words].map(shellWord).join(' ');
}
