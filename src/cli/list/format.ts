import { plainLine } from '../../report/escape';
import { shortId } from '../../report/words';
import { UsageError } from '../exit';
import { ageWords, sizeWords } from '../terminal/words';
import type { InventoryItem } from './inventory';

/** What a template can name, and what becomes of it; empty where there is none. */
const FIELDS: Readonly<Record<string, (listed: InventoryItem) => string>> = {
  Provider: ({ resource }) => resource.provider,
  Kind: ({ resource }) => resource.kind,
  ID: ({ resource }) => resource.id,
  ShortID: ({ resource }) => shortId(resource.id),
  Name: ({ resource }) => resource.name,
  Image: ({ resource }) => resource.image ?? '',
  State: ({ resource }) => resource.state,
  Created: ({ resource: { createdAt } }) => (createdAt === undefined ? '' : new Date(createdAt).toISOString()),
  Age: ({ ageMs }) => ageWords(ageMs),
  Session: ({ session }) => session ?? '',
  Live: ({ live }) => String(live),
  RunURL: ({ runUrl }) => runUrl ?? '',
  Size: ({ size }) => sizeWords(size),
  Bytes: ({ size }) => String(size ?? ''),
};

export const FIELD_NAMES = Object.keys(FIELDS);

/** A template that has been read: a line for each resource. */
export interface Format {
  readonly line: (listed: InventoryItem) => string;
  /** Whether it asks for sizes. */
  readonly withSizes: boolean;
}

/**
 * Reads a template: `{{.Name}}` is a field, `\t` and `\n` are what they are elsewhere, all else stands for itself.
 * @throws {UsageError} for a field that there is not
 */
export function readFormat(template: string): Format {
  const names = [...template.matchAll(/\{\{(.*?)\}\}/g)].map(([, inner = '']) => inner.trim());
  const unknown = names.find((name) => !(name.startsWith('.') && FIELD_NAMES.includes(name.slice(1))));
  if (unknown !== undefined) {
    throw new UsageError(`--format: there is no {{${plainLine(unknown)}}}; use {{.${FIELD_NAMES.join('}}, {{.')}}}`);
  }
  const escaped = template.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  return {
    line: (listed) => escaped.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => plainLine(FIELDS[name]?.(listed) ?? '')),
    withSizes: names.some((name) => name === '.Size' || name === '.Bytes'),
  };
}

/** One element of `list --json`: docs/command-line.md describes it. Foreign text is as it is, in JSON's own escapes. */
export function jsonOf({
  resource,
  session,
  live,
  runUrl,
  ageMs,
  size,
  protection,
}: InventoryItem): Readonly<Record<string, unknown>> {
  const { provider, kind, id, name, image, state, running, labels, createdAt } = resource;
  return {
    provider,
    kind,
    id,
    name,
    image: image ?? null,
    state,
    running,
    createdAt: createdAt === undefined ? null : new Date(createdAt).toISOString(),
    ageSeconds: ageMs === undefined ? null : Math.floor(ageMs / 1000),
    session: session ?? null,
    live,
    runUrl: runUrl ?? null,
    sizeBytes: size ?? null,
    protection: protection ?? null,
    labels,
  };
}
