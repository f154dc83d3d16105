import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';

/** Where an engine may be reached, and why there. */
export interface Endpoint {
  /** `unix:///var/run/docker.sock`, `npipe:////./pipe/docker_engine`, `tcp://host:2376`. */
  readonly url: string;
  /** Why this one, for the log. */
  readonly from: string;
  /** The directory with `ca.pem`, `cert.pem` and `key.pem`, where TLS is wanted. */
  readonly certificates?: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Port of an engine without and with TLS, registered with IANA. */
const TCP_PORT = { plain: 2375, tls: 2376 };

/**
 * Where to look for an engine, best first. What the user named stands alone: when that one does not answer, another engine is not
 * what was meant.
 */
export function endpoints(dockerHost: string | undefined, env: Environment, platform: NodeJS.Platform): readonly Endpoint[] {
  const tls = certificatesFrom(env);
  if (dockerHost !== undefined) return [{ url: dockerHost, from: 'docker-host', ...tls }];
  if (env['DOCKER_HOST']) return [{ url: env['DOCKER_HOST'], from: 'DOCKER_HOST', ...tls }];
  return wellKnownSockets(env, platform);
}

/** https://docs.docker.com/reference/cli/docker/#environment-variables */
function certificatesFrom(env: Environment): { readonly certificates?: string } {
  if (!env['DOCKER_TLS_VERIFY']) return {};
  return { certificates: env['DOCKER_CERT_PATH'] || join(home(env), '.docker') };
}

function wellKnownSockets(env: Environment, platform: NodeJS.Platform): readonly Endpoint[] {
  if (platform === 'win32') return [{ url: 'npipe:////./pipe/docker_engine', from: 'the default' }];
  const runtime = env['XDG_RUNTIME_DIR'];
  const sockets: readonly (readonly [path: string | undefined, from: string])[] = [
    ['/var/run/docker.sock', 'the default'],
    [runtime && join(runtime, 'docker.sock'), 'rootless Docker'],
    [join(home(env), '.docker/run/docker.sock'), 'Docker Desktop'],
    [join(home(env), '.docker/desktop/docker.sock'), 'Docker Desktop'],
    [join(home(env), '.colima/default/docker.sock'), 'Colima'],
    [runtime && join(runtime, 'podman/podman.sock'), 'rootless Podman'],
    ['/run/podman/podman.sock', 'Podman'],
  ];
  return sockets.flatMap(([path, from]) => (path ? [{ url: `unix://${path}`, from }] : []));
}

function home(env: Environment): string {
  return env['HOME'] || homedir();
}

/**
 * What dockerode connects with.
 * @throws {Error} when the URL is of no kind that an engine listens on, or a certificate can't be read
 */
export function dockerOptions({ url, certificates }: Endpoint): Docker.DockerOptions {
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  switch (scheme) {
    case 'unix':
    case 'npipe':
      return { socketPath: url.slice(`${scheme}://`.length) };
    case 'tcp':
    case 'http':
    case 'https':
      return tcpOptions(url, scheme === 'https', certificates);
    default:
      throw new Error(`“${url}” is no endpoint of an engine: use unix://, npipe:// or tcp://`);
  }
}

function tcpOptions(url: string, secure: boolean, certificates: string | undefined): Docker.DockerOptions {
  // Read as tcp:, a scheme that URL does not know, no port is dropped as the scheme's own. Brackets of an IPv6 address stay.
  const { hostname, port } = new URL(url.replace(/^[a-z]+:/, 'tcp:'));
  const host = hostname.replace(/^\[|\]$/g, '');
  if (!secure && certificates === undefined) return { protocol: 'http', host, port: Number(port || TCP_PORT.plain) };
  const read = (name: string) => (certificates === undefined ? undefined : readFileSync(join(certificates, name), 'utf8'));
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')];
  return { protocol: 'https', host, port: Number(port || TCP_PORT.tls), ...(ca && cert && key ? { ca, cert, key } : {}) };
}
