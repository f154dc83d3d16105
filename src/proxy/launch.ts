import { spawn } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import type { Environment } from '../lib/environment';
import type { Confidence, ProcessSettings, Ready } from './process';

/** Milliseconds until the process listens. It takes about 100; a busy machine takes its time. */
const READY_WITHIN_MS = 15_000;

/** Variables that the process needs: for ssh, its keys, and certificates. None is secret. */
const VARIABLES = /^(PATH|HOME|USER|LOGNAME|TMPDIR|LANG|SSH_AUTH_SOCK|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/;

/**
 * The runner ends what has it when the job ends. A watchdog must outlive that.
 * https://github.com/actions/runner/blob/main/src/Runner.Worker/JobExtension.cs
 */
const ENDS_WITH_JOB = 'RUNNER_TRACKING_ID';

/** The process did not come to listen. */
export class LaunchFailed extends Error {
  override readonly name = 'LaunchFailed';
}

/** How to start a proxy's process. */
export interface Launch {
  /** Arguments for Node that start the program. */
  readonly program: readonly string[];
  readonly settings: ProcessSettings;
  /** A file for the process's errors. */
  readonly log: string;
  /** This process's own. */
  readonly env: Environment;
  readonly confidence?: Confidence;
  /** Calls the start off, as long as the process does not listen. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a proxy's process that lives on by itself, as long as its lifeline is there.
 * @returns when it listens
 * @throws {LaunchFailed}
 */
export async function launchProxy({
  program,
  settings,
  log,
  env,
  confidence = { environment: {} },
  signal,
}: Launch): Promise<Ready> {
  await writeFile(settings.lifeline, '{}');
  const output = await open(log, 'a');
  const isNeeded = (name: string) => VARIABLES.test(name) || (name === ENDS_WITH_JOB && settings.watchdog === undefined);
  const ownEnvironment = Object.fromEntries(Object.entries(env).filter(([name]) => isNeeded(name)));
  if (signal?.aborted) {
    await output.close();
    throw new LaunchFailed('it is needed no more');
  }
  const child = spawn(process.execPath, [...program, JSON.stringify(settings)], {
    detached: true,
    env: ownEnvironment,
    stdio: ['ignore', 'ignore', output.fd, 'ipc'],
  });
  child.send(confidence, () => undefined); // Its end is seen below.
  try {
    return await new Promise<Ready>((resolve, reject) => {
      const timeout = setTimeout(() => reject(new LaunchFailed('the proxy did not start in time')), READY_WITHIN_MS);
      signal?.addEventListener('abort', () => reject(new LaunchFailed('it is needed no more')), { once: true });
      child.once('message', (ready) => resolve(ready as Ready));
      child.once('error', (cause) => reject(new LaunchFailed('the proxy can’t be started', { cause })));
      child.once('exit', async () => reject(new LaunchFailed(`the proxy ended: ${lastLine(await readFile(log, 'utf8'))}`)));
      for (const event of ['message', 'error', 'exit']) child.once(event, () => clearTimeout(timeout));
      signal?.addEventListener('abort', () => clearTimeout(timeout), { once: true });
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
    await output.close();
  }
}

function lastLine(text: string): string {
  return /\w*Error: .*/.exec(text)?.[0] ?? text.trimEnd().split('\n').at(-1) ?? '';
}
