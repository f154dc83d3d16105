import { styleText } from 'node:util';
import type { Environment } from '../../config/types';
import type { Log } from '../../phases/log';
import { plainLine } from '../../report/escape';

/** How much is told. `quiet`: warnings and errors, and what was done if something was. */
export type Level = 'quiet' | 'normal' | 'verbose';

export interface OutputOptions {
  readonly level: Level;
  /** False: none. Otherwise as the environment and the terminal say. */
  readonly color: boolean;
}

/** Where nobody knows how wide it is. */
const USUAL_COLUMNS = 80;

/** This process's two outputs: results go to stdout, for people and programs; everything else to stderr. */
export class Output implements Log {
  readonly level: Level;
  readonly #color: boolean;
  readonly #env: Environment;
  readonly #secrets = new Set<string>();
  /** Takes away what is painted on the terminal, before a line is written there. */
  #clear: (() => void) | undefined;

  constructor({ level, color }: OutputOptions, env: Environment) {
    this.level = level;
    this.#color = color;
    this.#env = env;
  }

  /** Writes as it is: escape foreign text before. */
  result(text: string): void {
    process.stdout.write(this.#masked(text));
  }

  // What a console can is handed on as functions by themselves.

  readonly debug = (line: string): void => {
    if (this.level === 'verbose') this.#tell(line);
  };

  readonly info = (line: string): void => {
    if (this.level === 'verbose' || (this.level === 'normal' && this.#clear === undefined)) this.#tell(line);
  };

  readonly warning = (line: string): void => this.#tell(`${this.#styled('yellow', 'warning:')} ${plainLine(line)}`);

  readonly error = (line: string): void => this.#tell(`${this.#styled('red', 'error:')} ${plainLine(line)}`);

  readonly group = async <T>(title: string, work: () => Promise<T>): Promise<T> => {
    this.debug(title);
    return work();
  };

  readonly mask = (secret: string): void => {
    if (secret !== '') this.#secrets.add(secret);
  };

  /** For people, at any level. */
  say(line: string): void {
    this.#tell(line);
  }

  /** Parts of lines that are not finished: progress. `undefined`: it is over. */
  paint(text: string): void {
    process.stderr.write(this.#masked(text));
  }

  /** While something is painted on the terminal, only what must be told interrupts it. */
  painting(clear: (() => void) | undefined): void {
    this.#clear = clear;
  }

  get columns(): number {
    return process.stdout.columns ?? USUAL_COLUMNS;
  }

  get errorColumns(): number {
    return process.stderr.columns ?? USUAL_COLUMNS;
  }

  /** Whether a person looks at the results. */
  get isTerminal(): boolean {
    return process.stdout.isTTY === true;
  }

  /** Whether a person looks at what is told, and a line can be painted over. */
  get isLive(): boolean {
    return process.stderr.isTTY === true && this.level === 'normal' && this.#env['TERM'] !== 'dumb';
  }

  /** Whether a person can be asked. */
  get canAsk(): boolean {
    return process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  /** Whether an output takes colours: https://no-color.org, and FORCE_COLOR as Node has it. */
  hasColor(stream: 'stdout' | 'stderr'): boolean {
    if (!this.#color || this.#env['NO_COLOR']) return false;
    if (this.#env['FORCE_COLOR'] !== undefined) return !['', '0', 'false'].includes(this.#env['FORCE_COLOR']);
    return process[stream].isTTY === true && this.#env['TERM'] !== 'dumb';
  }

  #styled(style: Parameters<typeof styleText>[0], text: string): string {
    return this.hasColor('stderr') ? styleText(style, text, { validateStream: false }) : text;
  }

  #tell(line: string): void {
    this.#clear?.();
    process.stderr.write(this.#masked(`${line}\n`));
  }

  #masked(text: string): string {
    return [...this.#secrets].reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
  }
}
