import type { Environment } from '../../lib/environment';

/** Takes secrets out of text before it is written anywhere. */
export interface Redactor {
  /** @param text bytes, a character each (latin1): a log may hold anything */
  redact(text: string): string;
  /** The longest secret's characters, less one: so much of an unfinished text may be the beginning of one. */
  readonly overlap: number;
}

/** Shorter values are words that stand in any log. */
const MIN_SECRET = 8;

/** These say that a variable is secret wherever they stand in its name: `NPM_TOKEN_RO`, `GHTOKEN`. */
const ANYWHERE = /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|WEBHOOK|APIKEY|ACCESSKEY|PRIVATEKEY/i;

/** These only as a word of it: `DB_PASS`, `PGPASS`, `MYSQL_PWD`, but not `PATH`, `GIT_AUTHOR_NAME`, `KEYBOARD` or `PWD`. */
const AS_A_WORD = /(^|[^A-Z0-9])([A-Z0-9]*PASS|KEYS?|PATS?|AUTH|DSN|JWT|BEARER|COOKIE)(?![A-Z0-9])|[A-Z0-9]_PWD(?![A-Z0-9])/i;

/** The password in an address, whatever the variable is called: `postgres://user:password@host/db`. */
const PASSWORD_IN_ADDRESS = /\w:\/\/[^\s/:@]*:([^\s/@]+)@/g;

/** The values of variables whose names say that they are secret, and the passwords of addresses in all of them. */
export function secretsIn(env: Environment): readonly string[] {
  return Object.entries(env).flatMap(([name, value = '']) => [
    ...(ANYWHERE.test(name) || AS_A_WORD.test(name) ? [value] : []),
    ...[...value.matchAll(PASSWORD_IN_ADDRESS)].map(([, password = '']) => password),
  ]);
}

/** Puts `***` in their place, as the runner does in its log; of a value with several lines (a private key), each line is secret. */
export function redactor(secrets: readonly string[]): Redactor {
  const lines = secrets.flatMap((secret) => secret.split(/[\r\n]+/)).map((line) => line.trim());
  const words = [...new Set(lines.filter((line) => line.length >= MIN_SECRET))].map((line) =>
    Buffer.from(line, 'utf8').toString('latin1'),
  );
  if (words.length === 0) return { redact: (text) => text, overlap: 0 };
  // The longest first: one secret may be the beginning of another.
  const sorted = words.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(sorted.map(literally).join('|'), 'g');
  return { redact: (text) => text.replace(pattern, '***'), overlap: (sorted[0] ?? '').length - 1 };
}

/** As a regular expression that matches nothing else: each character by its number. */
function literally(word: string): string {
  return Array.from(word, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}
