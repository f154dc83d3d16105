import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { cacheDirectory, cached, runProgram } from '../engine/engine-cache';

const root = join(import.meta.dirname, '..', '..', '..');

const VERSION = 'v0.2.89';
const NAME = `act-${VERSION}`;

/** Runs a workflow's jobs on this machine: https://github.com/nektos/act */
const ACT = join(cacheDirectory(), NAME, 'act');

export function isActBuilt(): boolean {
  return existsSync(ACT);
}

/**
 * Builds `act` with Go: a few minutes, once for all checkouts.
 * @throws {EngineUnavailable} where that can't be
 */
export function buildAct(): Promise<void> {
  return cached(NAME, (directory) =>
    runProgram('go', ['install', `github.com/nektos/act@${VERSION}`], { env: { GOBIN: directory, CGO_ENABLED: '0' } }),
  );
}

/** How a run of one job ended. */
export interface ActResult {
  readonly exitCode: number | null;
  /** The job's log. */
  readonly output: string;
}

/** What one job is run with. */
export interface ActRun {
  readonly job: string;
  /** Address of the engine. */
  readonly dockerHost: string;
  /** Cancels the job when its log matches. */
  readonly cancelAt?: RegExp;
}

/**
 * Runs one job of .github/workflows/e2e.yml on this machine, not in a container: `act`’s host mode.
 * The checkout, RUNNER_TEMP and HOME are directories of its own.
 */
export async function runJob({ job, dockerHost, cancelAt }: ActRun): Promise<ActResult> {
  const home = await mkdtemp(join(tmpdir(), 'cleanup-act-'));
  try {
    const command = ['push', '--workflows', '.github/workflows/e2e.yml', '--job', job, '--platform', 'ubuntu-24.04=-self-hosted'];
    const act = spawn(ACT, command, {
      cwd: root,
      // Actions run on the Node in PATH, which has to be the one that GitHub has.
      env: {
        PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
        HOME: home,
        DOCKER_HOST: dockerHost,
        CLEANUP_STATE_DIRECTORY: join(home, 'state'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let isCancelled = false;
    for (const stream of [act.stdout, act.stderr]) {
      stream.on('data', (chunk) => {
        output += String(chunk);
        if (isCancelled || !cancelAt?.test(output)) return;
        isCancelled = true;
        act.kill('SIGINT');
      });
    }
    const [exitCode] = await once(act, 'close');
    return { exitCode, output };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
