import prettyMilliseconds from 'pretty-ms';
import type { Outcome } from '../core/outcome';
import type { Kind } from '../core/resource';
import type { ResourceReport } from './model';

/** `6.2s`, `1m 4s`: a duration for people. */
export function time(ms: number): string {
  return prettyMilliseconds(ms, { secondsDecimalDigits: 1, unitCount: 2 });
}

/** As much of an id as the docker command shows. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/** `1 container`, `2 containers`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** The last part of a session's id, which no other session has. */
export function nonceOf(session: string): string {
  return session.slice(session.lastIndexOf('.') + 1);
}

const KINDS: readonly (readonly [kind: Kind, plural: string])[] = [
  ['container', 'containers'],
  ['sandbox', 'sandboxes'],
  ['network', 'networks'],
  ['volume', 'volumes'],
  ['image', 'images'],
];

/** `containers` */
export function kindName(kind: Kind): string {
  return KINDS.find(([name]) => name === kind)?.[1] ?? kind;
}

/** `37 containers, 5 sandboxes`; `nothing` when there are none. */
export function countKinds(resources: readonly ResourceReport[]): string {
  const counts = KINDS.flatMap(([kind, plural]) => {
    const number = resources.filter((resource) => resource.kind === kind).length;
    return number === 0 ? [] : [count(number, kind, plural)];
  });
  return counts.join(', ') || 'nothing';
}

/** What happened to the resources with an outcome; with `kept`, the first reasons. Foreign text may be in it. */
export function meaningOf(outcome: Outcome, resources: readonly ResourceReport[]): string {
  const reasons = new Set(resources.flatMap((resource) => (resource.outcome === outcome ? (resource.reason ?? []) : [])));
  return [...reasons].slice(0, 3).join('; ') || MEANINGS[outcome];
}

const MEANINGS: Readonly<Record<Outcome, string>> = {
  graceful: 'ended by itself after the stop signal, removed',
  killed: 'ended by SIGKILL, removed',
  removed: 'was not running, removed',
  gone: 'already gone, or removed by someone else',
  planned: 'would be removed',
  kept: 'not to be removed',
  failed: 'still there',
};
