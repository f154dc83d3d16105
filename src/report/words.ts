import prettyMilliseconds from 'pretty-ms';
import type { EvidenceOfEnd } from '../core/liveness';
import type { Outcome } from '../core/outcome';
import { isWorkload, KIND_NAMES, KINDS, type Kind } from '../core/resource';
import type { ResourceReport } from './model';

/** `6.2s`, `1m 4s`: a duration for people. */
export function time(ms: number): string {
  return prettyMilliseconds(ms, { secondsDecimalDigits: 1, unitCount: 2 });
}

/** As the docker command shows it. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/** `1 container`, `2 containers`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** The unique last part of a session's id. */
export function nonceOf(session: string): string {
  return session.slice(session.lastIndexOf('.') + 1);
}

export function kindName(kind: Kind): string {
  return KIND_NAMES[kind];
}

interface OfKind {
  readonly kind: Kind;
  readonly count?: number;
}

/** `37 containers, 5 sandboxes`; `nothing` when there are none. */
export function countKinds(resources: readonly OfKind[]): string {
  const numbers = new Map<Kind, number>();
  for (const { kind, count: number = 1 } of resources) numbers.set(kind, (numbers.get(kind) ?? 0) + number);
  const counts = KINDS.flatMap((kind) => {
    const number = numbers.get(kind) ?? 0;
    return number === 0
      ? []
      : [kind === 'build-cache' ? count(number, 'build cache record') : count(number, spaced(kind), spaced(KIND_NAMES[kind]))];
  });
  return counts.join(', ') || 'nothing';
}

/** `network-policies` as people write it. */
function spaced(kind: string): string {
  return kind.replaceAll('-', ' ');
}

/** The meaning of an outcome; for `kept`, the first reasons, which may hold foreign text. */
export function meaningOf(outcome: Outcome, resources: readonly ResourceReport[]): string {
  const reasons = new Set(resources.flatMap((resource) => (resource.outcome === outcome ? (resource.reason ?? []) : [])));
  if (reasons.size > 0) return [...reasons].slice(0, 3).join('; ');
  return outcome === 'removed' && resources.some(isRemovedMaker) ? REMOVED_MAKERS : MEANINGS[outcome];
}

/** A Swarm service, a deployment: what it made may have run. */
function isRemovedMaker({ kind, outcome }: ResourceReport): boolean {
  const isRun = kind === 'container' || kind === 'sandbox' || kind === 'pod';
  return outcome === 'removed' && isWorkload(kind) && !isRun;
}

const REMOVED_MAKERS = 'was not running, removed; what makes containers or pods went together with them';

/** Says why a resource's session counts as over: ends the sentence "it went because …". */
export function endOfSession(evidence: EvidenceOfEnd): string {
  return ENDS[evidence];
}

const ENDS: Readonly<Record<EvidenceOfEnd, string>> = {
  lease: 'its process has ended',
  ci: 'its run is over',
  runner: 'its runner has another job',
  age: 'it is too old',
};

const MEANINGS: Readonly<Record<Outcome, string>> = {
  graceful: 'ended by itself after the stop signal, removed',
  killed: 'ended by SIGKILL, removed',
  removed: 'was not running, removed',
  gone: 'was already gone, or removed by something else',
  planned: 'would be removed',
  kept: 'left alone on purpose',
  failed: 'still there',
};

/** `3h`, `2d`: an approximate age. */
export function ageWords(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return ms < 1000 ? '0s' : prettyMilliseconds(ms, { compact: true });
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.2GB`, in powers of 1000 like the docker command; `-` when unknown. */
export function sizeWords(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const number = bytes / 1000 ** power;
  return `${power === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)}${UNITS[power]}`;
}
