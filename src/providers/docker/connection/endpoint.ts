import { readFileSync } from 'node:fs';
import type { Agent, AgentOptions, ClientRequestArgs } from 'node:http';
import { connect, isIP, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type Docker from 'dockerode';
import { EngineAgent } from './agent';
import { SshAgent } from './ssh';

/** Where an engine may be reached, and why there. All of it is text that main can leave for post, and none of it secret. */
export interface Endpoint {
  /** `unix:///var/run/docker.sock`, `npipe:////./pipe/docker_engine`, `tcp://host:2376`, `ssh://user@host`. */
  readonly url: string;
  /** Why this one, for the log. */
  readonly from: string;
  /** Files for TLS. Any of them means that TLS is wanted; without `ca` the system's authorities are trusted. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** `none`: TLS, but whoever answers is trusted, as the user's docker context says. */
  readonly verification?: 'none';
}

/** The socket that the docker command uses when nothing else is said. */
const DEFAULT_URL = 'unix:///var/run/docker.sock';

/** Port of an engine without and with TLS, registered with IANA. */
const TCP_PORT = { plain: 2375, tls: 2376 };

/** dockerode takes an agent and headers, of which the declared types leave the agent out. */
type ClientOptions = Docker.DockerOptions & { readonly agent: Agent };

/** As Node's own agent: what is free is used again, and is no reason for this process to go on. */
const KEEP_ALIVE: AgentOptions = { keepAlive: true, scheduling: 'lifo', timeout: 5_000 };

/**
 * What dockerode connects with. Everything goes through an agent that alone decides where it leads: given a host, docker-modem
 * would take addresses apart with `url.parse`, which Node warns of in a bundle (DEP0169).
 * @param maxSockets connections at one time; more requests wait
 * @throws {Error} when the URL is of no kind that an engine listens on, or a certificate can't be read
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
  // Read as tcp:, a scheme that URL does not know, no port is dropped as the scheme's own. Brackets of an IPv6 address stay.
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

/** Leads to one address, whatever the request says. */
class TcpAgent extends EngineAgent {
  readonly #dial: () => Duplex;

  constructor(options: AgentOptions, address: TcpNetConnectOpts & { readonly host: string }, tls: ConnectionOptions | undefined) {
    super(options);
    // The name of an address is not asked for in a handshake. https://www.rfc-editor.org/rfc/rfc6066#section-3
    const servername = isIP(address.host) ? {} : { servername: address.host };
    this.#dial = () => (tls ? connectTls({ ...tls, ...address, ...servername }) : connect(address));
  }

  override createConnection(_options: ClientRequestArgs): Duplex {
    return this.#dial();
  }
}

/** How the docker command is told to use the same engine: `--host tcp://host:2376 --tlsverify …`. */
export function dockerArguments({ url, ca, cert, key, verification }: Endpoint): readonly string[] {
  if (url === DEFAULT_URL) return [];
  const files = { tlscacert: ca, tlscert: cert, tlskey: key };
  const tls = [
    ...(verification === 'none' ? ['--tls'] : ca || cert || url.startsWith('https:') ? ['--tlsverify'] : []),
    ...Object.entries(files).flatMap(([option, path]) => (path ? [`--${option}`, path] : [])),
  ];
  return ['--host', url.replace(/^https?:/, 'tcp:'), ...tls];
}

/** A command that a person can type into a POSIX shell. */
export function dockerCommand(endpoint: Endpoint, ...words: readonly string[]): string {
  return ['docker', ...dockerArguments(endpoint), ...words].map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
