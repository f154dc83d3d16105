import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunProgram } from '../../../core/run-program';
import type { Environment } from '../../../lib/environment';
import { items, type Json, object, parsedJson, text } from '../../../lib/json-shape';
import { dockerDirectory } from '../connection/context';

/** A builder of the driver that runs BuildKit in containers. */
export interface BuilderInstance {
  readonly name: string;
  /** Milliseconds since the epoch when its file was written. */
  readonly writtenAt: number;
  readonly nodes: readonly { readonly name: string; readonly endpoint: string }[];
}

/** What buildx needs. */
export interface Buildx {
  readonly env: Environment;
  /** Absent where no program may be started. */
  readonly runProgram?: RunProgram | undefined;
}

/** Milliseconds for `buildx ls`, which also asks builders elsewhere. */
const LS_TIMEOUT_MS = 5_000;

/** The driver's name. */
const IN_CONTAINERS = 'docker-container';

/** Where buildx keeps a file for each builder of the user, by the builder's name. */
export function instancesDirectory(env: Environment): string {
  return join(env['BUILDX_CONFIG'] || join(dockerDirectory(env), 'buildx'), 'instances');
}

/**
 * Lists the user's builders. Asks buildx, and reads its files where it does not answer in time, does
 * not know JSON (before 0.13), or is not there. Starts no program where there is no builder.
 */
export async function builderInstances(buildx: Buildx, signal: AbortSignal): Promise<readonly BuilderInstance[]> {
  const directory = instancesDirectory(buildx.env);
  const names = await readdir(directory).catch(() => []);
  if (names.length === 0) return [];
  const told = (await listed(buildx, signal)) ?? (await Promise.all(names.map((name) => contentOf(join(directory, name)))));
  const instances = await Promise.all(told.map((found) => instanceOf(found, directory)));
  return instances.flatMap((instance) => instance ?? []);
}

/**
 * Runs `docker buildx`.
 * @throws when it can't be started, or ends with another exit code than 0
 */
export async function runBuildx({ runProgram, env }: Buildx, args: readonly string[], signal: AbortSignal): Promise<string> {
  if (runProgram === undefined) throw new Error('no program may be started here');
  const known = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { exitCode, stdout, stderr } = await runProgram('docker', ['buildx', ...args], {
    signal,
    env: Object.fromEntries(known),
  });
  if (exitCode !== 0) throw new Error(stderr.trim() || `docker buildx ended with exit code ${exitCode}`);
  return stdout;
}

/** @returns undefined without an answer that can be read */
async function listed(buildx: Buildx, signal: AbortSignal): Promise<readonly Json[] | undefined> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(LS_TIMEOUT_MS)]);
  try {
    const lines = (await runBuildx(buildx, ['ls', '--format', 'json'], inTime)).split('\n').filter((line) => line.trim() !== '');
    const builders = lines.map((line) => object(parsedJson(line)));
    return builders.every(({ Name }) => text(Name) !== undefined) ? builders : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function contentOf(path: string): Promise<Json> {
  return object(parsedJson(await readFile(path, 'utf8').catch(() => '')));
}

/** A builder's name, which becomes part of a path: letters, digits, `_`, `-` and `.`. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/;

/** Reads a builder, which has the same fields in its file and in the answer. */
async function instanceOf({ Name, Driver, Nodes }: Json, directory: string): Promise<BuilderInstance | undefined> {
  const name = text(Name);
  if (name === undefined || !NAME.test(name) || Driver !== IN_CONTAINERS) return undefined;
  const file = await stat(join(directory, name)).catch(() => undefined);
  const nodes = items(Nodes).map((node) => ({ name: text(node['Name']) ?? '', endpoint: text(node['Endpoint']) ?? '' }));
  return file && { name, writtenAt: file.mtimeMs, nodes };
}
