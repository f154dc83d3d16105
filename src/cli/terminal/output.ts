import { styleText } from 'node:util';
import type { Environment } from '../../lib/environment';
import type { Log } from '../../phases/log';
import { secretsIn } from '../../recorder/logs/redactor';
import { plainLine } from '../../report/escape';

/** `quiet`: warnings, errors, and what was removed. */
export type Level = 'quiet' | 'normal' | 'verbose';

export interface OutputOptions {
  readonly level: Level;
  /** False: no colours. True: as the environment and the terminal allow. */
  readonly color: boolean;
}

/** The width if the output is not a terminal. */
const USUAL_COLUMNS = 80;

/** Characters. Shorter values are common words. */
const MIN_SECRET = 8;

/** Resources shown one by one. The report has all. */
export const MAX_SHOWN = 50;

/** Writes results to stdout and everything else to stderr. Hides secrets. */
export class Output implements Log {
  readonly level: Level;
  readonly #color: boolean;
  readonly #env: Environment;
  readonly #secrets = new Set<string>();
  /** Values of variables with the name of a secret. Results may contain equal words by chance. */
  readonly #guessed: readonly string[];
  /** Erases the progress line before another line. */
  #clear: (() => void) | undefined;

  constructor({ level, color }: OutputOptions, env: Environment) {
    this.level = level;
    this.#color = color;
    this.#env = env;
    this.#guessed = secretsIn(env).filter(({ length }) => length >= MIN_SECRET);
  }

  /** Foreign text must be escaped by the caller. */
  result(text: string): void {
    process.stdout.write(withoutSecrets(text, this.#secrets));
  }

  // Arrow functions, because phases destructure the log.

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

  /** Writes a part of a line: progress. */
  paint(text: string): void {
    process.stderr.write(this.masked(text));
  }

  /**
   * Lets only warnings and errors interrupt the progress line.
   * @param clear erases the line; undefined when it has ended
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

  get isTerminal(): boolean {
    return process.stdout.isTTY === true;
  }

  /** Whether a progress line can be shown and erased. */
  get isLive(): boolean {
    return process.stderr.isTTY === true && this.level === 'normal' && this.#env['TERM'] !== 'dumb';
  }

  get canAsk(): boolean {
    return process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  /** Obeys https://no-color.org, and FORCE_COLOR as Node does. */
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

  /** Replaces secrets, guessed ones too, with `***`. */
  masked(text: string): string {
    return withoutSecrets(text, [...this.#secrets, ...this.#guessed]);
  }
}

function withoutSecrets(text: string, secrets: Iterable<string>): string {
  return [...secrets].reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}
