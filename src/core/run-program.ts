/** How a program ended that was run for its output. */
export interface ProgramResult {
  /** 128 + n when signal number n ended it, as a shell has it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Ends the program when it aborts. */
  readonly signal: AbortSignal;
  /** The program's environment; without it, this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program, without a shell, and waits for its end. Nothing of its output is shown.
 * @param program a path, or a name that is looked for in PATH
 * @returns whatever its exit code is
 * @throws when it can't be started, and the signal's reason when that aborts
 */
export type RunProgram = (program: string, args: readonly string[], options: ProgramOptions) => Promise<ProgramResult>;
