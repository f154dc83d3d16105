import { styleText } from 'node:util';
import type { Environment } from '../../lib/environment';
import type { Log } from '../../phases/log';
import { secretsIn } from '../../recorder/logs/redactor';
import { plainLine } from '../../report/escape';

/** How much is printed. `quiet`: warnings, errors, and what was removed. */
export type Level = 'quiet' | 'normal' | 'verbose';

export interface OutputOptions {
  readonly level: Level;
  /** False: no colours. True: as the environment and the terminal allow. */
  readonly color: boolean;
}

/** The width of an output that is not a terminal. */
const USUAL_COLUMNS = 80;

/** Characters. Shorter values are words that stand in any text. */
const MIN_SECRET = 8;

/** How many resources are shown one by one. The report has all of them. */
export const MAX_SHOWN = 50;

/** Results go to stdout, for people and programs; everything else goes to stderr. No secret is printed. */
export class Output implements Log {
  readonly level: Level;
  readonly #color: boolean;
  readonly #env: Environment;
  readonly #secrets = new Set<string>();
  /** Values of variables whose names say that they are secret. Results may hold the same words by chance. */
  readonly #guessed: readonly string[];
  /** Erases the progress line, before another line is written. */
  #clear: (() => void) | undefined;

  constructor({ level, color }: OutputOptions, env: Environment) {
    this.level = level;
    this.#color = color;
    this.#env = env;
    this.#guessed = secretsIn(env).filter(({ length }) => length >= MIN_SECRET);
  }

  /** Prints a result. Foreign text in it must be escaped. */
  result(text: string): void {
    process.stdout.write(withoutSecrets(text, this.#secrets));
  }

  // Arrow functions: phases take them apart.

  readonly debug = (line: string): void => {
    if (this.level === 'verbose') this.#print(line);
  };

  readonly info = (line: string): void => {
    if (this.level === 'verbose' || (this.level === 'normal' && this.#clear === undefined)) this.#print(line);
  };

  readonly warning = (line: string): void => this.#print(`${this.#styled('yellow', 'warning:')} ${plainLine(line)}`);

  readonly error = (line: string): void => this.#print(`${this.#styled('red', 'error:')} ${plainLine(line)}`);

  readonly group = async <T>(title: string, work: () => Promise<T>): Promise<T> => {
    this.debug(title);
    return work();
  };

  readonly mask = (secret: string): void => {
    if (secret !== '') this.#secrets.add(secret);
  };

  /** Prints a line at every level. */
  say(line: string): void {
    this.#print(line);
  }

  /** Writes parts of a line: progress. */
  paint(text: string): void {
    process.stderr.write(this.masked(text));
  }

  /**
   * While progress is shown, only warnings and errors interrupt it.
   * @param clear erases it; undefined when it has ended
   */
  painting(clear: (() => void) | undefined): void {
    this.#clear = clear;
  }

  get columns(): number {
    return process.stdout.columns ?? USUAL_COLUMNS;
  }

  get errorColumns(): number {
    return process.stderr.columns ?? USUAL_COLUMNS;
  }

  /** Whether results go to a terminal. */
  get isTerminal(): boolean {
    return process.stdout.isTTY === true;
  }

  /** Whether progress can be shown: stderr is a terminal on which a line can be erased. */
  get isLive(): boolean {
    return process.stderr.isTTY === true && this.level === 'normal' && this.#env['TERM'] !== 'dumb';
  }

  /** Whether a person can be asked. */
  get canAsk(): boolean {
    return process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  /** Whether an output gets colours: https://no-color.org, and FORCE_COLOR as Node has it. */
  hasColor(stream: 'stdout' | 'stderr'): boolean {
    if (!this.#color || this.#env['NO_COLOR']) return false;
    if (this.#env['FORCE_COLOR'] !== undefined) return !['', '0', 'false'].includes(this.#env['FORCE_COLOR']);
    return process[stream].isTTY === true && this.#env['TERM'] !== 'dumb';
  }

  #styled(style: Parameters<typeof styleText>[0], text: string): string {
    return this.hasColor('stderr') ? styleText(style, text, { validateStream: false }) : text;
  }

  #print(line: string): void {
    this.#clear?.();
    process.stderr.write(this.masked(`${line}\n`));
  }

  /** Replaces secrets with `***`, also those that only their variables' names give away. */
  masked(text: string): string {
    return withoutSecrets(text, [...this.#secrets, ...this.#guessed]);
  }
}

function withoutSecrets(text: string, secrets: Iterable<string>): string {
  return [...secrets].reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}
