import { BrokenAnswer } from './http';

/** A JSON object, of which nothing is known yet. */
export type Json = Readonly<Record<string, unknown>>;

/** Stands where the engine gave neither id nor name. No id or name looks like this. */
export const UNIDENTIFIED = '(no id)';

/** What is not an object has no fields. */
export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** Text, where there is some. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The items of a list. What is not an object carries no label and no name: it is nobody's. */
export function items(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

/**
 * The items of a listing.
 * @throws {BrokenAnswer} when it is not a list: that is not the news that there is nothing
 */
export function listing(value: unknown): readonly Json[] {
  if (!Array.isArray(value)) throw new BrokenAnswer('the engine’s answer is not a list');
  return items(value);
}

/**
 * One resource that was asked for by its id.
 * @throws {BrokenAnswer} when it has not got what tells it from others
 */
export function withField(field: 'Id' | 'Name'): (value: unknown) => Json {
  return (value) => {
    const found = object(value);
    if (text(found[field]) === undefined) throw new BrokenAnswer(`the engine’s answer has no ${field}`);
    return found;
  };
}

/** Labels with a text as their value. */
export function labelsIn(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(object(value)).flatMap(([key, label]) => (typeof label === 'string' ? [[key, label]] : [])),
  );
}

/** @returns `createdAt` from RFC 3339 or seconds since the epoch; nothing where it is neither */
export function createdAt(value: unknown): { readonly createdAt?: number } {
  const ms = typeof value === 'number' ? value * 1000 : Date.parse(text(value) ?? '');
  return Number.isFinite(ms) ? { createdAt: ms } : {};
}
