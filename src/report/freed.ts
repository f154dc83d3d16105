import { KINDS, type Kind } from '../core/resource';
import type { ResourceReport } from './model';
import { kindName, sizeWords } from './words';

type Freed = Pick<ResourceReport, 'kind' | 'bytes'>;

/** Bytes of disk that came back, by kind; without kinds of which nothing is known. */
export function freedByKind(resources: readonly Freed[]): ReadonlyMap<Kind, number> {
  const known = resources.filter(({ bytes }) => bytes !== undefined);
  const sum = (kind: Kind) => known.reduce((total, each) => total + (each.kind === kind ? (each.bytes ?? 0) : 0), 0);
  return new Map(KINDS.filter((kind) => known.some((each) => each.kind === kind)).map((kind) => [kind, sum(kind)]));
}

/** `84.0GB free again`, with what comes before it; empty if it is nothing, or unknown. */
export function freedWords(resources: readonly Freed[], before = ''): string {
  const bytes = totalOf(freedByKind(resources));
  return bytes > 0 ? `${before}${sizeWords(bytes)} free again` : '';
}

/** `Disk free again: volumes 4.0GB, images 80.0GB`; empty likewise. */
export function freedLine(resources: readonly Freed[]): string {
  const freed = freedByKind(resources);
  if (totalOf(freed) === 0) return '';
  return `Disk free again: ${[...freed].map(([kind, bytes]) => `${kindName(kind)} ${sizeWords(bytes)}`).join(', ')}`;
}

function totalOf(freed: ReadonlyMap<Kind, number>): number {
  return [...freed.values()].reduce((sum, bytes) => sum + bytes, 0);
}
