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

/** All that the runner gives an entry which is to find no provider. */
export function entryEnvironment(directory: string, inputs: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const given = { docker: 'false', daytona: 'false', 'grace-period': '1s', ...inputs };
  return {
    PATH: process.env['PATH'],
    RUNNER_TEMP: directory,
    ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
}

/** The annotations in a step's output. */
export function annotationsIn(output: string): readonly string[] {
  return output.split('\n').filter((line) => /^::(warning|error|notice)/.test(line));
}
