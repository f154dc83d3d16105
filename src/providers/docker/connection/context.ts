import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../../lib/environment';
import { asError } from '../../../lib/errors';
import type { Endpoint } from './endpoint';

/** The named docker context can't be used. The message says why in one line. */
class BadContext extends Error {
  override readonly name = 'BadContext';
  constructor(context: string, namedBy: string, why: string, cause?: unknown) {
    super(`the docker context “${context}” (${namedBy}) can’t be read: ${why}`, { cause });
  }
}

/** The fields of meta.json that are used. */
interface Meta {
  readonly Endpoints?: { readonly docker?: { readonly Host?: unknown; readonly SkipTLSVerify?: unknown } };
}

/** See https://docs.docker.com/reference/cli/docker/#environment-variables */
export function dockerDirectory(env: Environment): string {
  return env['DOCKER_CONFIG'] || join(home(env), '.docker');
}

export function home(env: Environment): string {
  return env['HOME'] || homedir();
}

/**
 * The engine of the current docker context: of `DOCKER_CONTEXT`, or as set by `docker context use`.
 * @returns undefined if there is none, or `default`
 * @throws {BadContext} when it can't be read: never uses another engine instead
 */
export function contextEndpoint(env: Environment): Endpoint | undefined {
  const directory = dockerDirectory(env);
  const [name, namedBy] = env['DOCKER_CONTEXT']
    ? [env['DOCKER_CONTEXT'], 'DOCKER_CONTEXT']
    : [currentContext(directory), 'currentContext'];
  if (name === undefined || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const { host, verified } = readMeta(join(directory, 'contexts', 'meta', id, 'meta.json'), name, namedBy);
  return {
    url: host,
    from: `docker context ${name}`,
    ...tlsFiles(join(directory, 'contexts', 'tls', id, 'docker')),
    ...(verified ? {} : { verification: 'none' }),
  };
}

/** Ignores an absent or unreadable config.json, like the docker command. */
function currentContext(directory: string): string | undefined {
  try {
    const { currentContext: name } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}

function readMeta(path: string, name: string, namedBy: string): { readonly host: string; readonly verified: boolean } {
  const meta = parseMeta(path, name, namedBy);
  const { Host, SkipTLSVerify } = meta?.Endpoints?.docker ?? {};
  if (typeof Host !== 'string' || Host === '') throw new BadContext(name, namedBy, `${path} names no engine`);
  return { host: Host, verified: SkipTLSVerify !== true };
}

function parseMeta(path: string, name: string, namedBy: string): Meta | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Meta | null;
  } catch (error) {
    const { code, message } = asError(error) as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such context' : `${path}: ${message}`;
    throw new BadContext(name, namedBy, why, error);
  }
}

/** The context's TLS files, each optional. */
function tlsFiles(directory: string): Pick<Endpoint, 'ca' | 'cert' | 'key'> {
  const files = (['ca', 'cert', 'key'] as const).map((part) => [part, join(directory, `${part}.pem`)] as const);
  return Object.fromEntries(files.filter(([, path]) => existsSync(path)));
}
