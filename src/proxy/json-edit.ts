/** Replaces a part of a JSON text. The rest keeps every byte, and numbers beyond JavaScript's range. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Member {
  readonly key: string;
  /** Of its value. */
  readonly start: number;
  readonly end: number;
}

/**
 * Adds labels to an object somewhere in a JSON text.
 * @param text valid JSON, one character a byte
 * @param path to the object of labels; missing parts are made
 * @param owner the label that names the owner: nothing is added if it is there already
 */
export function labelEdits(
  text: string,
  path: readonly string[],
  labels: Readonly<Record<string, string>>,
  owner: string,
  from = skipSpace(text, 0),
): readonly Edit[] {
  const [name, ...rest] = path;
  if (name === undefined) return labelsInto(text, from, labels, owner);
  if (text[from] !== '{') return [];
  const found = membersNamed(text, from, name);
  if (rest.length === 0 && found.some((member) => keysOf(text, member.start).includes(owner))) return [];
  const last = found.at(-1);
  if (last === undefined) return [inserted(text, from, `${ascii(name)}:${nested(rest, labels)}`)];
  if (text.slice(last.start, last.end) === 'null') return [{ ...last, text: nested(rest, labels) }];
  return labelEdits(text, rest, labels, owner, last.start);
}

function labelsInto(text: string, from: number, labels: Readonly<Record<string, string>>, owner: string): readonly Edit[] {
  if (text[from] !== '{') return []; // Malformed: the server says so.
  const keys = keysOf(text, from);
  if (keys.includes(owner)) return [];
  const missing = Object.entries(labels).filter(([key]) => !keys.includes(key));
  const members = missing.map(([key, value]) => `${ascii(key)}:${ascii(value)}`);
  return members.length === 0 ? [] : [inserted(text, from, members.join(','))];
}

/** As the first members of an object. */
function inserted(text: string, object: number, members: string): Edit {
  const isEmpty = text[skipSpace(text, object + 1)] === '}';
  return { start: object + 1, end: object + 1, text: isEmpty ? members : `${members},` };
}

function nested(path: readonly string[], labels: Readonly<Record<string, string>>): string {
  return path.reduceRight((inner, name) => `{${ascii(name)}:${inner}}`, ascii(labels));
}

/** @throws {RangeError} when two edits overlap */
export function applied(text: string, edits: readonly Edit[]): string {
  let [at, result] = [0, ''];
  for (const { start, end, text: replacement } of edits.toSorted((one, other) => one.start - other.start)) {
    if (start < at) throw new RangeError('two edits overlap');
    result += text.slice(at, start) + replacement;
    at = end;
  }
  return result + text.slice(at);
}

/** The text's bytes with the edits; undefined without any. */
export function edited(text: string, edits: readonly Edit[]): Buffer | undefined {
  return edits.length === 0 ? undefined : Buffer.from(applied(text, edits), 'latin1');
}

/** Where the value at the end of the path is; undefined where there is none. */
export function valueAt(text: string, path: readonly string[], from = skipSpace(text, 0)): Omit<Member, 'key'> | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return { start: from, end: skipValue(text, from) };
  if (text[from] !== '{') return undefined;
  const member = membersNamed(text, from, name).at(-1);
  return member && valueAt(text, rest, member.start);
}

/** Where each element of the array begins. */
export function elementsOf(text: string, array: number): readonly number[] {
  const starts: number[] = [];
  let at = skipSpace(text, array + 1);
  while (text[at] !== ']') {
    starts.push(at);
    at = skipSpace(text, skipValue(text, at));
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return starts;
}

/** JSON of one byte a character, whatever is in it. */
export function ascii(value: unknown): string {
  return JSON.stringify(value).replace(/[\u0080-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/**
 * Finds members as Go does, in which engines are written: in any case, and the last of several.
 * https://pkg.go.dev/encoding/json#Unmarshal
 */
function membersNamed(text: string, object: number, name: string): readonly Member[] {
  return membersOf(text, object).filter(({ key }) => key.toLowerCase() === name.toLowerCase());
}

function keysOf(text: string, at: number): readonly string[] {
  return text[at] === '{' ? membersOf(text, at).map(({ key }) => key) : [];
}

function membersOf(text: string, object: number): readonly Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, object + 1);
  while (text[at] !== '}') {
    const keyEnd = skipString(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    members.push({ key: JSON.parse(text.slice(at, keyEnd)), start, end });
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (' \t\r\n'.includes(text[next] ?? 'none')) next++;
  return next;
}

function skipString(text: string, at: number): number {
  let next = at + 1;
  while (text[next] !== '"') next += text[next] === '\\' ? 2 : 1;
  return next + 1;
}

/** Behind the value. Of valid JSON only brackets, and what looks like them in strings, matter. */
function skipValue(text: string, at: number): number {
  let [next, depth] = [at, 0];
  do {
    const character = text[next];
    if (character === '"') next = skipString(text, next) - 1;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    else if (depth === 0) next = skipScalar(text, next) - 1;
    next++;
  } while (depth > 0);
  return next;
}

function skipScalar(text: string, at: number): number {
  let next = at;
  while (/[\w.+-]/.test(text[next] ?? '')) next++;
  return next;
}
