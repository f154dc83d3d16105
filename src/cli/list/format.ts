import { plainLine } from '../../report/escape';
import { ageWords, shortId, sizeWords } from '../../report/words';
import { UsageError } from '../exit';
import type { InventoryItem } from './inventory';

/** The fields of templates. Unknown values are empty. */
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
  Evidence: ({ evidence }) => evidence ?? '',
  RunURL: ({ runUrl }) => runUrl ?? '',
  Size: ({ size }) => sizeWords(size),
  Bytes: ({ size }) => String(size ?? ''),
};

export const FIELD_NAMES = Object.keys(FIELDS);

export interface Format {
  readonly line: (listed: InventoryItem) => string;
  /** Whether a field needs sizes. */
  readonly withSizes: boolean;
}

/**
 * Parses a template of `{{.Name}}` fields, `\t` and `\n`. Other text stays.
 * @throws {UsageError} for an unknown field
 */
export function readFormat(template: string): Format {
  const names = [...template.matchAll(/\{\{(.*?)\}\}/g)].map(([, inner = '']) => inner.trim());
  const unknown = names.find((name) => !(name.startsWith('.') && FIELD_NAMES.includes(name.slice(1))));
  if (unknown !== undefined) {
    throw new UsageError(`--format: {{${plainLine(unknown)}}} is unknown; use {{.${FIELD_NAMES.join('}}, {{.')}}}`);
  }
  const escaped = template.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  return {
    line: (listed) => escaped.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => plainLine(FIELDS[name]?.(listed) ?? '')),
    withSizes: names.some((name) => name === '.Size' || name === '.Bytes'),
  };
}

/** An element of `list --json`: see docs/command-line.md. */
export function jsonOf({
  resource,
  session,
  live,
  evidence,
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
    evidence: evidence ?? null,
    runUrl: runUrl ?? null,
    sizeBytes: size ?? null,
    protection: protection ?? null,
    labels,
  };
}
