import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** An engine can't be had on this machine; the message says why. */
export class EngineUnavailable extends Error {
  override readonly name = 'EngineUnavailable';
}

/** Outside the checkout: engines take minutes to make and are the same for all checkouts. */
export function cacheDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cleanup-action-engines');
}

/**
 * Makes a directory of the cache unless it is there. It has its name only when it is whole.
 * @throws what `make` throws
 */
export async function cached(name: string, make: (directory: string) => Promise<void>): Promise<void> {
  const directory = join(cacheDirectory(), name);
  if (existsSync(directory)) return;
  const unfinished = `${directory}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await make(unfinished);
  await rename(unfinished, directory);
}

export interface ProgramSettings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program that makes an engine; its output is shown.
 * @throws {EngineUnavailable} when it is missing, or fails
 */
export async function runProgram(program: string, args: readonly string[], { cwd, env }: ProgramSettings = {}): Promise<void> {
  const options = { stdio: ['ignore', 'ignore', 'inherit'] as const, env: { ...process.env, ...env }, ...(cwd ? { cwd } : {}) };
  const child = spawn(program, args, { ...options, stdio: [...options.stdio] });
  const [code] = await once(child, 'exit').catch((cause: unknown) => {
    throw new EngineUnavailable(`${program} can’t be started`, { cause });
  });
  if (code !== 0) throw new EngineUnavailable(`\`${program} ${args.join(' ')}\` ended with exit code ${code}`);
}
