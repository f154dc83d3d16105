import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type Docker from 'dockerode';
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

/** dockerode takes an agent, which the declared types leave out. */
type ClientOptions = Docker.DockerOptions & { readonly agent?: Agent };

/**
 * What dockerode connects with.
 * @throws {Error} when the URL is of no kind that an engine listens on, or a certificate can't be read
 */
export function dockerOptions(endpoint: Endpoint): ClientOptions {
  const { url } = endpoint;
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  switch (scheme) {
    case 'unix':
    case 'npipe':
      return { socketPath: url.slice(`${scheme}://`.length) };
    case 'tcp':
    case 'http':
    case 'https':
      return tcpOptions(endpoint, scheme === 'https');
    case 'ssh':
      return { protocol: 'http', host: 'docker', agent: new SshAgent(url) }; // The agent alone decides where it leads.
    default:
      throw new Error(`“${url}” is no endpoint of an engine: use unix://, npipe://, tcp:// or ssh://`);
  }
}

function tcpOptions({ url, verification, ...files }: Endpoint, secure: boolean): ClientOptions {
  // Read as tcp:, a scheme that URL does not know, no port is dropped as the scheme's own. Brackets of an IPv6 address stay.
  const { hostname, port } = new URL(url.replace(/^[a-z]+:/, 'tcp:'));
  const host = hostname.replace(/^\[|\]$/g, '');
  const named = (['ca', 'cert', 'key'] as const).flatMap((part) =>
    files[part] === undefined ? [] : [[part, files[part]] as const],
  );
  const tls = secure || verification === 'none' || named.length > 0;
  if (!tls) return { protocol: 'http', host, port: Number(port || TCP_PORT.plain) };
  return {
    protocol: 'https',
    host,
    port: Number(port || TCP_PORT.tls),
    ...Object.fromEntries(named.map(([part, path]) => [part, readFileSync(path, 'utf8')])),
    ...(verification === 'none' ? { agent: new TlsAgent({ keepAlive: true, rejectUnauthorized: false }) } : {}),
  };
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
