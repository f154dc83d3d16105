import { items, type Json, object, text } from '../../../lib/json-shape';
import { BrokenAnswer } from './http';

/** Stands for an absent id and name. No id or name looks like this. */
export const UNIDENTIFIED = '(no id)';

/**
 * The items of a listing.
 * @throws {BrokenAnswer} when it is not a list, which does not mean that nothing exists
 */
export function listing(value: unknown): readonly Json[] {
  if (!Array.isArray(value)) throw new BrokenAnswer('the engine’s answer is not a list');
  return items(value);
}

/**
 * A parser for one resource.
 * @throws {BrokenAnswer} without the field that identifies it
 */
export function withField(field: 'Id' | 'ID' | 'Name'): (value: unknown) => Json {
  return (value) => {
    const found = object(value);
    if (text(found[field]) === undefined) throw new BrokenAnswer(`the engine’s answer has no ${field}`);
    return found;
  };
}

/** @param value RFC 3339, or seconds since the epoch */
export function createdAt(value: unknown): { readonly createdAt?: number } {
  const ms = typeof value === 'number' ? value * 1000 : Date.parse(text(value) ?? '');
  return Number.isFinite(ms) ? { createdAt: ms } : {};
}
