import { leftOf } from './leftovers';
import type { PhaseReport, Report, ResourceReport } from './model';
import { count, countKinds, time } from './words';

/** What a phase came to, in one line. */
export interface PhaseVerdict {
  readonly kind: 'clean' | 'nothing' | 'skipped' | 'planned' | 'kept' | 'unverified' | 'leftovers';
  readonly headline: string;
}

/**
 * Decides in one place what a phase came to; every face of the report says it with these words.
 * @param whose ` of this session`, where others' are told in the same breath
 */
export function verdictOf(phase: PhaseReport, whose = ''): PhaseVerdict {
  const { totals, durationMs, verified, dryRun, resources } = phase;
  const removed = removedFrom(phase);
  const took = `in ${time(durationMs)}`;
  const kept = keptIn(phase);
  if (totals.failed > 0) {
    const rest = removed.length > 0 ? `; ${countKinds(removed)} removed` : '';
    return { kind: 'leftovers', headline: `${count(totals.failed, 'leftover')}${whose}: act${rest} ${took}${kept}` };
  }
  const unseen = unseenIn(phase);
  if (unseen !== undefined) return unseen;
  if (dryRun) {
    const planned = resources.filter(({ outcome }) => outcome === 'planned');
    return { kind: 'planned', headline: `Dry run: ${countKinds(planned)} would be removed${kept}` };
  }
  if (removed.length === 0 && totals.kept > 0) return { kind: 'kept', headline: `${count(totals.kept, 'resource')} kept` };
  if (verified === false) {
    return { kind: 'unverified', headline: `${countKinds(removed)} removed ${took}, but no last listing could be had${kept}` };
  }
  if (totals.kept > 0) return { kind: 'kept', headline: `${countKinds(removed)} removed ${took}${kept}` };
  if (removed.length > 0) return { kind: 'clean', headline: `Everything${whose} is gone: ${countKinds(removed)} ${took}` };
  if (totals.gone > 0) return { kind: 'clean', headline: `Everything${whose} was gone already, ${took}` };
  return { kind: 'nothing', headline: `Nothing${whose} to clean up` };
}

/** Where nobody could look, or has looked, nobody knows. */
function unseenIn(phase: PhaseReport): PhaseVerdict | undefined {
  const { providers, durationMs } = phase;
  const missing = providers.filter(({ status }) => status === 'unavailable').map(({ name }) => name);
  if (missing.length > 0) {
    const removed = removedFrom(phase);
    const rest = removed.length > 0 ? `; ${countKinds(removed)} removed in ${time(durationMs)}` : '';
    return { kind: 'unverified', headline: `Not cleaned up: ${missing.join(', ')} can’t be reached${rest}${keptIn(phase)}` };
  }
  const skipped = providers.filter(({ status }) => status === 'skipped').map(({ name }) => name);
  if (skipped.length < providers.length || (skipped.length === 0 && phase.verified !== null)) return undefined;
  const names = skipped.length > 0 ? `: ${skipped.join(', ')} skipped` : '';
  return { kind: 'skipped', headline: `Nothing was looked at${names}` };
}

function removedFrom({ resources }: PhaseReport): readonly ResourceReport[] {
  return resources.filter(({ outcome }) => outcome === 'graceful' || outcome === 'killed' || outcome === 'removed');
}

function keptIn({ totals: { kept } }: PhaseReport): string {
  return kept > 0 ? `; ${kept} kept` : '';
}

/** Something is left, or it is not known whether: somebody must look. */
export function needsAction(phase: PhaseReport): boolean {
  const { kind } = verdictOf(phase);
  return kind === 'leftovers' || kind === 'unverified';
}

/**
 * Whether a last listing has anything to say. It has not where nobody has looked, in a dry run, and where all that was found is there
 * on purpose.
 */
export function isVerifiable(phase: PhaseReport): boolean {
  const { kind } = verdictOf(phase);
  const isOnPurpose = kind === 'planned' || (kind === 'kept' && !phase.verified);
  return !isOnPurpose && phase.providers.some(({ status }) => status !== 'skipped');
}

/** What it all came to: the worst of all phases. Post has the last word on what is the session's own. */
export function verdictOfAll({ phases }: Report): PhaseVerdict {
  const { pre, post } = phases;
  const { run, earlier } = leftOf(phases);
  const besides: readonly PhaseVerdict[] = [
    ...(run.length > 0 ? [leftovers(run.length, 'the benchmark')] : []),
    ...(earlier.length > 0 ? [leftovers(earlier.length, 'earlier runs')] : []),
    ...(pre !== null && earlier.length === 0 ? unverified(pre, post) : []),
  ];
  const last = wordOf(post, besides.length > 0 ? ' of this session' : '');
  const all = [last, ...besides];
  const worst = WORST_FIRST.find((kind) => all.some((verdict) => verdict.kind === kind)) ?? last.kind;
  return { kind: worst, headline: all.map(({ headline }) => headline).join('; ') };
}

const WORST_FIRST: readonly PhaseVerdict['kind'][] = ['leftovers', 'unverified'];

function wordOf(post: PhaseReport | null, whose: string): PhaseVerdict {
  return post === null ? { kind: 'unverified', headline: 'Nothing was cleaned up' } : verdictOf(post, whose);
}

function leftovers(number: number, of: string): PhaseVerdict {
  return { kind: 'leftovers', headline: `${count(number, 'leftover')} of ${of}: act` };
}

/** Where post can't say more than pre-cleanup did, that is said once. */
function unverified(pre: PhaseReport, post: PhaseReport | null): readonly PhaseVerdict[] {
  const { kind, headline } = verdictOf(pre);
  if (kind !== 'unverified' || (post !== null && verdictOf(post).headline === headline)) return [];
  return [{ kind, headline: `pre-cleanup: ${headline.charAt(0).toLowerCase()}${headline.slice(1)}` }];
}
