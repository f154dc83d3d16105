import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../../config/types';
import { contextEndpoint, dockerDirectory, home } from './context';
import type { Endpoint } from './endpoint';

/** An engine's address goes into state, log and report: it may hold no secret. */
const HAS_PASSWORD = /^[a-z]+:\/\/[^/@]*:[^/@]*@/;

/**
 * Where to look for an engine, best first. What the user named stands alone: when that one does not answer, another engine is not
 * what was meant.
 * @throws {BadContext} when the current docker context can't be read
 */
export function endpointCandidates(
  dockerHost: string | undefined,
  env: Environment,
  platform: NodeJS.Platform,
): readonly Endpoint[] {
  if (dockerHost !== undefined) return [{ url: dockerHost, from: 'docker-host', ...tlsFrom(dockerHost, env) }];
  const { DOCKER_HOST } = env;
  if (DOCKER_HOST && HAS_PASSWORD.test(DOCKER_HOST)) throw new Error('DOCKER_HOST holds a password: use a key, or a certificate');
  if (DOCKER_HOST) return [{ url: DOCKER_HOST, from: 'DOCKER_HOST', ...tlsFrom(DOCKER_HOST, env) }];
  const context = contextEndpoint(env);
  return context ? [context] : wellKnownSockets(env, platform);
}

/**
 * As the docker command does, a client certificate is used where there is one.
 * https://docs.docker.com/reference/cli/docker/#environment-variables
 */
function tlsFrom(url: string, env: Environment): Pick<Endpoint, 'ca' | 'cert' | 'key'> {
  if (!env['DOCKER_TLS_VERIFY'] || !/^(tcp|https?):/.test(url)) return {};
  const directory = env['DOCKER_CERT_PATH'] || dockerDirectory(env);
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(directory, name)) as [string, string, string];
  return { ca, ...(existsSync(cert) && existsSync(key) ? { cert, key } : {}) };
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
