/** The result of a program that was run for its output. */
export interface ProgramResult {
  /** 128 + n when signal n ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Ends the program when it aborts. */
  readonly signal: AbortSignal;
  /** Default: this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program without a shell, shows nothing of its output, and waits for its end.
 * @param program a path, or a name to look up in PATH
 * @returns the result, whatever its exit code
 * @throws when it can't be started; the signal's reason when that aborts
 */
export type RunProgram = (program: string, args: readonly string[], options: ProgramOptions) => Promise<ProgramResult>;
