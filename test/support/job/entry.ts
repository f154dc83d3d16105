import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { StepResult } from './job';

/** Node's arguments to run a file of TypeScript. */
export const AS_TYPESCRIPT = ['--no-warnings', '--import', join(import.meta.dirname, '..', 'typescript.mjs')];

/** A running `faulty-entry.ts`. */
export interface Entry {
  readonly process: ChildProcess;
  readonly ended: Promise<StepResult>;
}

/** @param env all of its environment */
export function startEntry(phase: string, fault: string, env: NodeJS.ProcessEnv, trigger?: string): Entry {
  const file = join(import.meta.dirname, 'faulty-entry.ts');
  const more = trigger === undefined ? [] : [trigger];
  const child = spawn(process.execPath, [...AS_TYPESCRIPT, file, phase, fault, ...more], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const ended = once(child, 'close').then(([exitCode, signal]) => ({ exitCode, signal, output }));
  return { process: child, ended };
}
