import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a worker's process tells of a step. */
interface StepMessage {
  readonly id: number;
  readonly pid?: number;
  readonly output?: string;
  readonly exitCode?: number | null;
  readonly signal?: NodeJS.Signals | null;
}

export interface WorkerStep {
  readonly command: readonly [file: string, ...args: string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** A step that a worker has started. */
export interface StartedStep {
  readonly pid: Promise<number>;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null; readonly output: string }>;
}

/** The process that the runner has for one job: it starts the steps, and ends with the job. */
export class Worker {
  readonly #process: ChildProcess;
  #steps = 0;

  private constructor() {
    this.#process = fork(join(import.meta.dirname, 'worker-process.mjs'), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [],
    });
  }

  static async start(): Promise<Worker> {
    const worker = new Worker();
    await once(worker.#process, 'spawn');
    return worker;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  startStep(step: WorkerStep): StartedStep {
    this.#steps += 1;
    const id = this.#steps;
    const started = Promise.withResolvers<number>();
    const ended = Promise.withResolvers<Awaited<StartedStep['ended']>>();
    let output = '';
    this.#process.on('message', (message: StepMessage) => {
      if (message.id !== id) return;
      if (message.pid !== undefined) started.resolve(message.pid);
      output += message.output ?? '';
      const { exitCode, signal = null } = message;
      if (exitCode !== undefined) ended.resolve({ exitCode, signal, output });
    });
    this.#process.send({ id, ...step });
    return { pid: started.promise, ended: ended.promise };
  }

  /** As when the machine kills it: steps go on without it. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}
