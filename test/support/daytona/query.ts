import { ApiError } from './api-error';
import { type Sandbox, type State, states } from './sandbox';

const sortFields = ['name', 'cpu', 'memoryGib', 'diskGib', 'lastActivityAt', 'createdAt'] as const;
export type SortField = (typeof sortFields)[number];
const orders = ['asc', 'desc'] as const;

/** Where the next page of a listing begins: after a sandbox, or at a place, which is another one once something is deleted. */
export type Cursor =
  | { readonly kind: 'after'; readonly since: number; readonly serial: number }
  | { readonly kind: 'place'; readonly place: number };

/** What is asked of a listing. */
export interface Query {
  readonly limit: number;
  readonly cursor: Cursor | undefined;
  readonly sort: SortField | undefined;
  readonly order: (typeof orders)[number];
  readonly includeErroredDeleted: boolean;
  matches(sandbox: Sandbox): boolean;
}

/** @throws ApiError 400, as the API does where a parameter is not to be understood */
export function readQuery(params: URLSearchParams): Query {
  const [id, name] = [params.get('id') ?? '', params.get('name') ?? ''];
  const labels = Object.entries(readLabels(params.get('labels')));
  const wanted = new Set(params.getAll('states').map(readState));
  const [after, before] = [readTime(params, 'createdAtAfter'), readTime(params, 'createdAtBefore')];
  const sort = readChoice(params, 'sort', sortFields);
  return {
    limit: readLimit(params.get('limit')),
    cursor: readCursor(params.get('cursor')),
    sort,
    order: readChoice(params, 'order', orders) ?? (sort === undefined ? 'desc' : 'asc'),
    includeErroredDeleted: params.get('includeErroredDeleted') === 'true',
    matches: (sandbox) =>
      sandbox.state !== 'destroyed' &&
      (!sandbox.warm || params.get('includeWarm') === 'true') &&
      sandbox.id.startsWith(id) &&
      sandbox.name.startsWith(name) &&
      labels.every(([key, value]) => sandbox.labels[key] === value) &&
      (wanted.size === 0 || (sandbox.state !== undefined && wanted.has(sandbox.state))) &&
      (after === undefined || (sandbox.createdAt !== undefined && sandbox.createdAt >= after)) &&
      (before === undefined || (sandbox.createdAt !== undefined && sandbox.createdAt <= before)),
  };
}

/** Labels, all of which are to be there with exactly these values. */
export function readLabels(text: string | null): Readonly<Record<string, string>> {
  if (text === null || text === '') return {};
  let labels: unknown;
  try {
    labels = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'Invalid labels JSON format');
  }
  if (!isTextByKey(labels)) throw new ApiError(400, 'Labels must be a JSON object of strings');
  return labels;
}

export function writeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

export function isTextByKey(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

function readCursor(text: string | null): Cursor | undefined {
  if (text === null) return undefined;
  try {
    const { kind, since, serial, place } = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (kind === 'after' && Number.isFinite(since) && Number.isFinite(serial)) return { kind, since, serial };
    if (kind === 'place' && Number.isInteger(place)) return { kind, place };
  } catch {
    // What is no JSON is no cursor either.
  }
  throw new ApiError(400, 'Invalid cursor');
}

function readLimit(text: string | null): number {
  const limit = Number(text ?? 100);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 200) return limit;
  throw new ApiError(400, 'limit must not be greater than 200, limit must not be less than 1');
}

function readState(text: string): State {
  const state = states.find((candidate) => candidate === text && candidate !== 'destroyed');
  if (state === undefined) throw new ApiError(400, `each value in states must be one of the valid values, not ${text}`);
  return state;
}

function readTime(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new ApiError(400, `${name} must be a valid ISO 8601 date string`);
  return time;
}

function readChoice<T extends string>(params: URLSearchParams, name: string, choices: readonly T[]): T | undefined {
  const text = params.get(name);
  const chosen = choices.find((choice) => choice === text);
  if (text !== null && chosen === undefined) throw new ApiError(400, `${name} must be one of ${choices.join(', ')}`);
  return chosen;
}
