import type { Environment } from '../../lib/environment';

/** Takes secrets out of text before it is written anywhere. */
export interface Redactor {
  /** @param text latin1, a character a byte: a log may hold anything */
  redact(text: string): string;
  /** One less than the longest secret: this much of an unfinished text may begin a secret. */
  readonly overlap: number;
}

/** Shorter values are words of any log. */
const MIN_SECRET = 8;

/** Anywhere in its name, these make a variable secret: `NPM_TOKEN_RO`, `GHTOKEN`. */
const ANYWHERE =
  /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|WEBHOOK|APIKEY|ACCESSKEY|PRIVATEKEY|CONN(ECTION)?_?STR(ING)?(?![A-Z])/i;

/** These only as a word: `DB_PASS`, `PGPASS`, `MYSQL_PWD`; not `PATH`, `GIT_AUTHOR_NAME`, `PWD`. */
const AS_A_WORD =
  /(^|[^A-Z0-9])([A-Z0-9]*PASS|KEYS?|PATS?|AUTH|DSN|JWT|BEARER|COOKIE)\d*(?![A-Z0-9])|[A-Z0-9]_PWD\d*(?![A-Z0-9])/i;

/** The password in an address, in any variable: `postgres://user:password@host/db`. */
const PASSWORD_IN_ADDRESS = /\w:\/\/[^\s/:@]*:([^\s/@]+)@/g;

/** The values of variables with secret names, and the passwords of addresses in all variables. */
export function secretsIn(env: Environment): readonly string[] {
  return Object.entries(env).flatMap(([name, value = '']) => [
    ...(ANYWHERE.test(name) || AS_A_WORD.test(name) ? [value] : []),
    ...[...value.matchAll(PASSWORD_IN_ADDRESS)].map(([, password = '']) => password),
  ]);
}

/** Replaces secrets, and each line of one (a private key), by `***`, as the runner's log does. */
export function redactor(secrets: readonly string[]): Redactor {
  const lines = secrets.flatMap((secret) => secret.split(/[\r\n]+/)).map((line) => line.trim());
  const words = [...new Set(lines.filter((line) => line.length >= MIN_SECRET))].map((line) =>
    Buffer.from(line, 'utf8').toString('latin1'),
  );
  if (words.length === 0) return { redact: (text) => text, overlap: 0 };
  // The longest first: one secret may begin with another.
  const sorted = words.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(sorted.map(literally).join('|'), 'g');
  return { redact: (text) => text.replace(pattern, '***'), overlap: (sorted[0] ?? '').length - 1 };
}

/** Takes secrets out of a text that is no log. */
export function redactedText(text: string, { redact }: Redactor): string {
  return Buffer.from(redact(Buffer.from(text).toString('latin1')), 'latin1').toString();
}

/** A regular expression for this very word: each character by its number. */
function literally(word: string): string {
  return Array.from(word, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}
