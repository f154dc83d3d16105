import { isUnlimited } from '../core/glob';
import { type CustomResource, RESOURCE_WORDS, type Wanted } from '../core/resource';
import type { LabelFilter } from '../core/selector';
import type { Environment } from '../lib/environment';
import { whyTooWide } from './foreign-labels';

/** A type of values: how to read one, and how to describe it. */
export interface SettingType<T> {
  /** Ends the sentence "use …". */
  readonly accepts: string;
  /** The value in the help: `--grace-period <time>`. */
  readonly placeholder: string;
  /** Words that a shell can complete. */
  readonly choices?: readonly string[];
  /** Takes one item a line. The command line repeats the option instead. */
  readonly isList?: true;
  /**
   * Reads a trimmed, non-empty text.
   * @param env for variables in the value: `$RUNNER_TEMP`
   * @throws {InvalidValue} (or returns undefined) when it can't be read
   */
  parse(text: string, env: Environment): T | undefined;
}

/** Says more than "use …", such as the bad line of a list. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
}

export const text: SettingType<string> = { accepts: 'any text', placeholder: 'text', parse: (value) => value };

/** `$RUNNER_TEMP` stands for the runner's temporary directory, or else the system's. */
export const path: SettingType<string> = {
  accepts: 'a path',
  placeholder: 'path',
  parse: (value, env) => value.replace('$RUNNER_TEMP', () => env['RUNNER_TEMP'] || env['TMPDIR'] || '/tmp'),
};

/** GitHub's booleans, of YAML 1.2's core schema: https://yaml.org/spec/1.2/spec.html#id2804923 */
export const boolean: SettingType<boolean> = {
  accepts: 'true or false',
  placeholder: 'true|false',
  choices: ['true', 'false'],
  parse(value) {
    if (/^(true|True|TRUE)$/.test(value)) return true;
    if (/^(false|False|FALSE)$/.test(value)) return false;
    return undefined;
  },
};

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

/** Milliseconds, from `500ms`, `5s`, `2m`, `24h`, `7d` or a bare number of seconds. */
export const duration: SettingType<number> = {
  accepts: 'a duration such as 500ms, 5s, 2m, 24h or 7d, or a number of seconds',
  placeholder: 'time',
  parse(value) {
    const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(value) ?? [];
    const parsed = Math.round(Number(number) * (MS[unit] ?? Number.NaN));
    return Number.isSafeInteger(parsed) ? parsed : undefined;
  },
};

/** @param least milliseconds, which `text` says */
export function durationOfAtLeast(least: number, text: string): SettingType<number> {
  return {
    accepts: `${duration.accepts}, of at least ${text}`,
    placeholder: duration.placeholder,
    parse(value, env) {
      const parsed = duration.parse(value, env);
      return parsed !== undefined && parsed >= least ? parsed : undefined;
    },
  };
}

export const positiveDuration: SettingType<number> = {
  accepts: `${duration.accepts}, longer than 0`,
  placeholder: duration.placeholder,
  parse: (value, env) => duration.parse(value, env) || undefined,
};

export function integer(min: number): SettingType<number> {
  return {
    accepts: `a whole number from ${min}`,
    placeholder: 'number',
    parse(value) {
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      return Number.isSafeInteger(number) && number >= min ? number : undefined;
    },
  };
}

export function number(min: number): SettingType<number> {
  return {
    accepts: `a number from ${min}`,
    placeholder: 'number',
    parse(value) {
      const parsed = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
      return Number.isFinite(parsed) && parsed >= min ? parsed : undefined;
    },
  };
}

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  ...{ KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30, TIB: 2 ** 40 },
};

/** Bytes, from `10MiB`, `500KB` or a bare number of bytes. */
export const size: SettingType<number> = {
  accepts: 'a size such as 500KB, 10MiB or 1GiB, or a number of bytes',
  placeholder: 'size',
  parse(value) {
    const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?) ?([KMGT]?i?B)?$/i.exec(value) ?? [];
    const bytes = Math.round(Number(number) * (BYTES[unit.toUpperCase()] ?? Number.NaN));
    return Number.isSafeInteger(bytes) ? bytes : undefined;
  },
};

/** An amount of disk space: so many bytes, or a share of the file system from 0 to 1. */
export type Space = { readonly bytes: number } | { readonly share: number };

/** `50GiB`, or `40%` of the file system. */
export const space: SettingType<Space> = {
  accepts: 'a size such as 50GiB or 500MB, or a percentage such as 40%',
  placeholder: 'size|percent',
  parse(value, env) {
    const percent = /^(\d+(?:\.\d+)?) ?%$/.exec(value)?.[1];
    if (percent !== undefined) return Number(percent) <= 100 ? { share: Number(percent) / 100 } : undefined;
    const bytes = size.parse(value, env);
    return bytes === undefined ? undefined : { bytes };
  },
};

/** Characters. Longer ones would push the help's descriptions to the right. */
const MAX_PLACEHOLDER = 16;

export function choice<const T extends string>(...choices: readonly T[]): SettingType<T> {
  const alternatives = choices.join('|');
  return {
    accepts: `one of ${choices.join(', ')}`,
    placeholder: alternatives.length <= MAX_PLACEHOLDER ? alternatives : 'mode',
    choices,
    parse: (value) => choices.find((option) => option === value),
  };
}

export const autoOrBoolean: SettingType<'auto' | boolean> = {
  accepts: 'auto, true or false',
  placeholder: 'auto|true|false',
  choices: ['auto', 'true', 'false'],
  parse: (value, env) => (value === 'auto' ? 'auto' : boolean.parse(value, env)),
};

export const reportOrRestore: SettingType<'report' | 'restore' | false> = {
  accepts: 'one of report, restore, false',
  placeholder: 'mode',
  choices: ['report', 'restore', 'false'],
  parse(value, env) {
    if (value === 'report' || value === 'restore') return value;
    return boolean.parse(value, env) === false ? false : undefined;
  },
};

/**
 * One item a line. Ignores empty lines. A carriage return alone ends a line, too: no item holds a line break.
 * @param item reads one
 */
function listOf<T>(accepts: string, placeholder: string, item: (line: string) => T) {
  const parse = (value: string): readonly T[] =>
    value
      .split(/\r\n?|\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => item(line));
  return { accepts, placeholder, isList: true, parse } as const satisfies SettingType<readonly T[]>;
}

/** The same without duplicates. */
function setOf(...[accepts, placeholder, item]: Parameters<typeof listOf<string>>): SettingType<readonly string[]> {
  const list = listOf(accepts, placeholder, item);
  return { ...list, parse: (value) => [...new Set(list.parse(value))] };
}

export const lines = listOf('one item a line', 'text', (line) => line);

/** Lines of `key` or `key=value`. Refuses lines with nothing but labels that tools set for all. */
export const labelFilters = listOf(
  'lines of key or key=value, joined by commas where all must match; in a value, * is a wildcard and \\, a comma',
  'filter',
  (line) => {
    const filters = labelLine(line);
    const tooWide = whyTooWide(filters);
    if (tooWide !== undefined) throw new InvalidValue(tooWide);
    return filters;
  },
);

/**
 * Reads one line of `labelFilters`, without refusing foreign ones. `\,` is a comma.
 * @throws {InvalidValue} for a key that is empty or holds `*`, and a value of nothing but `*`
 */
export function labelLine(line: string): readonly LabelFilter[] {
  return line.split(/(?<!\\),/).map((item) => labelFilter(item.replaceAll('\\,', ',').trim()));
}

function labelFilter(item: string): LabelFilter {
  const [start = '', ...rest] = item.split('=');
  const key = start.trim();
  if (key === '') throw new InvalidValue(`“${item}” has an empty key, which could match everything`);
  if (key.includes('*')) throw new InvalidValue(`“${item}” has a * in its key; only a value can hold one`);
  if (rest.length === 0) return { key };
  const value = rest.join('=').trim();
  if (isUnlimited(value)) throw new InvalidValue(`“${item}” matches every value; write “${key}” if that is what you want`);
  return { key, value };
}

/**
 * The start of a name. `*` stands for any characters.
 * @throws {InvalidValue} for nothing but `*`
 */
export function namePrefix(text: string): string {
  if (isUnlimited(text)) throw new InvalidValue(`“${text}” matches every name`);
  return text;
}

export const namePrefixes = listOf('the start of a name a line, where * is a wildcard', 'text', namePrefix);

/** Names of Kubernetes' namespaces, RFC 1123 labels. */
export const namespaces = setOf(
  'the name of a namespace a line: lower case letters, digits and -, 63 at most',
  'namespace',
  (name) => {
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) throw new InvalidValue(`“${name}” is not the name of a namespace`);
    return name;
  },
);

/**
 * Names of images, with `*` as a wildcard.
 * @throws {InvalidValue} for nothing but `*`, which would switch the budget off without a word
 */
export const imageGlobs = listOf(
  'the name of an image a line, where * is a wildcard: python:3.12-*, ghcr.io/team/*',
  'image',
  (line) => {
    if (isUnlimited(line)) throw new InvalidValue(`“${line}” matches every image`);
    return line;
  },
);

/** Kinds of resources: words of `RESOURCE_WORDS`, and `plural.group` for custom resources. */
export const resourceKinds: SettingType<readonly Wanted[]> = {
  accepts: `any of ${Object.keys(RESOURCE_WORDS).join(', ')}, or a kind of custom resources such as sandboxes.agents.x-k8s.io, with spaces or lines between them`,
  placeholder: 'kinds',
  choices: Object.keys(RESOURCE_WORDS),
  isList: true,
  parse: (value) => [...new Set(value.split(/\s+/).flatMap(kindsOf))],
};

/** @throws {InvalidValue} for an unknown word */
function kindsOf(word: string): readonly Wanted[] {
  if (Object.hasOwn(RESOURCE_WORDS, word)) return RESOURCE_WORDS[word as keyof typeof RESOURCE_WORDS];
  if (isCustomResource(word)) return [word];
  throw new InvalidValue(`“${word}” is not a kind of resource`);
}

/** Whether it is `plural.group`, the name of a custom resource definition: RFC 1123 labels. */
function isCustomResource(word: string): word is CustomResource {
  return /^[a-z]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/.test(word);
}

/** A shell that the runner knows, or a template with `{0}` for the script's path. */
export const shell: SettingType<string> = {
  accepts: 'bash, sh, pwsh, python, or a command with {0} where the script goes',
  placeholder: 'shell',
  parse: (value) => (['bash', 'sh', 'pwsh', 'python'].includes(value) || value.includes('{0}') ? value : undefined),
};

/** The URL of an HTTP API. No password: logs and commands to copy show it. */
export const httpUrl: SettingType<string> = {
  accepts: 'a URL such as https://app.daytona.io/api, without user or password',
  placeholder: 'url',
  parse: (value) =>
    /^https?:\/\/[\w.:[\]-]+(\/[\w.~%/-]*)?$/.test(value) && URL.canParse(value) ? value.replace(/\/+$/, '') : undefined,
};

/** The address of a Docker engine. No password and no ssh options: logs and reports show it. */
export const endpoint: SettingType<string> = {
  accepts: 'unix:///path, npipe:////./pipe/name, tcp://host:port or ssh://user@host',
  placeholder: 'url',
  parse: (value) =>
    /^(unix:\/\/\/.+|npipe:\/\/.+|(tcp|https?):\/\/[^/@]+\/?|ssh:\/\/([\w.][\w.@+-]*@)?[\w.[][^/@\s]*\/?)$/.test(value)
      ? value
      : undefined,
};

/** Engines' addresses. */
export const endpoints = setOf(`${endpoint.accepts}, one a line`, endpoint.placeholder, (url) => {
  if (endpoint.parse(url, {}) === undefined) throw new InvalidValue(`“${url}” is not an engine’s endpoint`);
  return url;
});
