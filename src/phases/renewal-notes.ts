import { accessSync, closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Renewed } from './sandbox-ttl';

/** Where a session’s proxy notes the sandboxes that it renews. It renews none when that is gone. */
export function renewalNotesFile(directory: string): string {
  return join(directory, 'sandbox-ttl.txt');
}

/** Where the proxy says what went wrong, for post. */
function warningsFile(notes: string): string {
  return `${notes}.warnings`;
}

/** @throws the file system's errors */
export async function beginRenewal(notes: string): Promise<void> {
  await writeFile(notes, '', { mode: 0o600 });
}

/**
 * Ends the renewals.
 * @returns what went wrong, a line each; never throws
 */
export async function endRenewal(directory: string): Promise<readonly string[]> {
  const notes = renewalNotesFile(directory);
  const warnings = await readFile(warningsFile(notes), 'utf8').catch(() => '');
  await rm(notes, { force: true }).catch(() => undefined);
  return [...new Set(warnings.split('\n').filter((line) => line !== ''))];
}

/** Notes for post what went wrong. Never throws. */
export function noteWarning(notes: string, line: string): void {
  appendFile(warningsFile(notes), `${line}\n`).catch(() => undefined);
}

/**
 * The sandboxes that a session renews, in a file: a process that takes over knows by it that the
 * session set the time that is left to them, and nobody else.
 */
export class RenewalNotes implements Renewed {
  readonly #file: string;
  readonly #ids = new Set<string>();

  constructor(file: string) {
    this.#file = file;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line.startsWith('+')) this.#ids.add(line.slice(1));
      if (line.startsWith('-')) this.#ids.delete(line.slice(1));
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    if (this.#ids.has(id)) accessSync(this.#file);
    else this.#note(`+${id}`);
    this.#ids.add(id);
  }

  delete(id: string): void {
    this.#note(`-${id}`);
    this.#ids.delete(id);
  }

  /** Makes no file. Begins with a line feed: a full disk may have cut off the line before. */
  #note(line: string): void {
    const file = openSync(this.#file, constants.O_WRONLY | constants.O_APPEND);
    try {
      writeSync(file, `\n${line}`);
    } finally {
      closeSync(file);
    }
  }
}
