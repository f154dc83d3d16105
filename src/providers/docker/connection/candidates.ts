import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../../../lib/environment';
import { contextEndpoint, dockerDirectory, home } from './context';
import type { Endpoint } from './endpoint';

/** State, log and report show an engine's address: it must not contain a secret. */
const HAS_PASSWORD = /^[a-z]+:\/\/[^/@]*:[^/@]*@/;

/**
 * The engine that settings, DOCKER_HOST or a docker context name. It is never replaced by another.
 * @returns undefined if none is named
 * @throws {BadContext} when the current docker context can't be read
 */
export function namedEndpoint(dockerHost: string | undefined, env: Environment): Endpoint | undefined {
  if (dockerHost !== undefined) return { url: dockerHost, from: 'docker-host', ...tlsFrom(dockerHost, env) };
  const url = hostUrl(env['DOCKER_HOST']);
  const named = url === undefined ? contextEndpoint(env) : { url, from: 'DOCKER_HOST', ...tlsFrom(url, env) };
  if (named && HAS_PASSWORD.test(named.url)) throw new Error(`${named.from} holds a password: use a key, or a certificate`);
  return named;
}

/** The docker command's defaults for addresses without a host or path. */
const DEFAULT_URLS: Readonly<Record<string, string>> = {
  'unix://': 'unix:///var/run/docker.sock',
  'npipe://': 'npipe:////./pipe/docker_engine',
  'tcp://': 'tcp://127.0.0.1:2375',
};

/**
 * Reads DOCKER_HOST like the docker command: trims it, and takes it for TCP without a scheme.
 * https://github.com/docker/cli/blob/v29.0.0/opts/hosts.go
 */
function hostUrl(value: string | undefined): string | undefined {
  const typed = value?.trim();
  if (!typed) return undefined;
  const url = typed.includes('://') ? typed : `tcp://${typed}`;
  return DEFAULT_URLS[url] ?? url.replace(/^tcp:\/\/(?=:\d)/, 'tcp://127.0.0.1');
}

/**
 * Uses a client certificate if there is one, like the docker command.
 * https://docs.docker.com/reference/cli/docker/#environment-variables
 */
function tlsFrom(url: string, env: Environment): Pick<Endpoint, 'ca' | 'cert' | 'key'> {
  if (!env['DOCKER_TLS_VERIFY'] || !/^(tcp|https?):/.test(url)) return {};
  const directory = env['DOCKER_CERT_PATH'] || dockerDirectory(env);
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(directory, name)) as [string, string, string];
  return { ca, ...(existsSync(cert) && existsSync(key) ? { cert, key } : {}) };
}

/** The usual addresses of engines, best first. */
export function wellKnownEndpoints(env: Environment, platform: NodeJS.Platform): readonly Endpoint[] {
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
