import { freedWords } from './freed';
import { failedIn, leftoversIn } from './leftovers';
import type { DiskReport, PhaseReport, Report, ResourceReport } from './model';
import { countKinds, time } from './words';

/** The result of a phase, in one line. */
export interface PhaseVerdict {
  readonly kind: 'clean' | 'nothing' | 'untouched' | 'skipped' | 'planned' | 'kept' | 'unverified' | 'leftovers';
  readonly headline: string;
}

/**
 * Decides the result of a phase. All outputs show this headline.
 * @param whose ` of this session`, if the same sentence mentions other resources
 */
export function verdictOf(phase: PhaseReport, whose = ''): PhaseVerdict {
  const removed = removals(phase);
  const verdict = unlistedIn(phase) ?? foundIn(phase, removed, whose);
  const untouched = untouchedIn(phase);
  return untouched === '' ? verdict : withUntouched(verdict, untouched);
}

function foundIn(phase: PhaseReport, removed: readonly ResourceReport[], whose: string): PhaseVerdict {
  const { totals, durationMs, verified, dryRun, resources } = phase;
  const took = `${countKinds(removed)} removed in ${time(durationMs)}${freedWords(removed, ': ')}`;
  const kept = resources.filter(({ outcome }) => outcome === 'kept');
  const besides = kept.length > 0 ? `; ${countKinds(kept)} kept` : '';
  if (totals.failed > 0) {
    const rest = removed.length > 0 ? `; ${took}` : '';
    return { kind: 'leftovers', headline: `${leftBehind(failedIn(phase), whose)}${rest}${besides}` };
  }
  const missing = namesWith(phase, 'unavailable');
  if (missing !== '') {
    const rest = removed.length > 0 ? `; ${took}` : '';
    return { kind: 'unverified', headline: `Not cleaned up: ${missing} can’t be reached${rest}${besides}` };
  }
  if (dryRun) {
    const planned = resources.filter(({ outcome }) => outcome === 'planned');
    return { kind: 'planned', headline: `Dry run: ${countKinds(planned)} would be removed${besides}` };
  }
  if (removed.length === 0 && kept.length > 0) return { kind: 'kept', headline: `${countKinds(kept)} kept` };
  if (verified === false) {
    return { kind: 'unverified', headline: `${capitalized(took)}, but no last listing confirmed that all is gone${besides}` };
  }
  if (kept.length > 0) return { kind: 'kept', headline: `${took}${besides}` };
  if (removed.length > 0) {
    return {
      kind: 'clean',
      headline: `Everything${whose} is gone: ${countKinds(removed)} in ${time(durationMs)}${freedWords(removed, ', ')}`,
    };
  }
  if (totals.gone > 0) return { kind: 'clean', headline: `Everything${whose} was already gone` };
  return { kind: 'nothing', headline: whose === '' ? 'Nothing to clean up' : `Nothing${whose} was left` };
}

/** The verdict if all providers were skipped. */
function unlistedIn(phase: PhaseReport): PhaseVerdict | undefined {
  const { providers, verified } = phase;
  const isSkipped = providers.length > 0 ? providers.every(({ status }) => status === 'skipped') : verified === null;
  if (!isSkipped) return undefined;
  const names = namesWith(phase, 'skipped');
  return { kind: 'skipped', headline: `Nothing was checked${names === '' ? '' : `: ${names} skipped`}` };
}

/** "Nothing to clean up" would be a false all-clear here. */
function withUntouched({ kind, headline }: PhaseVerdict, untouched: string): PhaseVerdict {
  if (kind === 'nothing') return { kind: 'untouched', headline: `Nothing was removed; ${untouched}` };
  return { kind, headline: `${headline}; ${untouched}` };
}

function untouchedIn({ unowned = [], spared = [] }: PhaseReport): string {
  return [
    ...(unowned.length > 0 ? [`${countKinds(unowned)} without a label ${verb(unowned)}`] : []),
    ...(spared.length > 0 ? [`${countKinds(spared)} that may be in use ${verb(spared)}`] : []),
  ].join('; ');
}

/** `2 containers of this session are left behind: action needed`. */
function leftBehind(resources: readonly ResourceReport[], whose: string): string {
  return `${countKinds(resources)}${whose} ${resources.length === 1 ? 'is' : 'are'} left behind: action needed`;
}

function verb(resources: readonly { readonly count: number }[]): string {
  return resources.reduce((sum, { count }) => sum + count, 0) === 1 ? 'stays' : 'stay';
}

function namesWith({ providers }: PhaseReport, wanted: PhaseReport['providers'][number]['status']): string {
  return providers.flatMap(({ name, status }) => (status === wanted ? name : [])).join(', ');
}

function removals({ resources }: PhaseReport): readonly ResourceReport[] {
  return resources.filter(({ outcome }) => outcome === 'graceful' || outcome === 'killed' || outcome === 'removed');
}

/** Whether a person must act: something is or may be left, or the disk is too full. */
export function needsAction(phase: PhaseReport): boolean {
  return mayHaveLeft(phase) || shortOfDisk(phase).length > 0;
}

/** Whether something is or may be left. */
export function mayHaveLeft(phase: PhaseReport): boolean {
  const { kind } = verdictOf(phase);
  return kind === 'leftovers' || kind === 'unverified';
}

/** Where less is free than is wanted. A budget that images in use exceed is no fault. */
export function shortOfDisk({ disk = [], dryRun }: PhaseReport): readonly DiskReport[] {
  return dryRun ? [] : disk.filter(({ goal, reached }) => goal === 'min-free-disk' && reached === false);
}

/** Whether something went, or is wrong. */
export function isEventful({ reached, images, records = 0 }: DiskReport): boolean {
  return reached !== true || images.length > 0 || records > 0;
}

/** Whether the phase found nothing to remove or to mention. */
export function foundNothing(phase: PhaseReport): boolean {
  const { kind } = verdictOf(phase);
  if ((phase.unmatched ?? []).length > 0 || phase.workspace !== undefined) return false;
  if ((phase.disk ?? []).some(isEventful) || (phase.preflight ?? []).length > 0) return false;
  return kind === 'nothing' || kind === 'skipped';
}

/** Whether no phase found anything to remove or to mention. */
export function foundNothingAtAll({ pre, run, post }: Report['phases']): boolean {
  return [pre, run, post].every((phase) => phase === null || foundNothing(phase));
}

/** Whether `verified` means anything: not if nothing was listed, or everything stays on purpose. */
export function isVerifiable(phase: PhaseReport): boolean {
  const { kind } = verdictOf(phase);
  const isOnPurpose = kind === 'planned' || (kind === 'kept' && !phase.verified);
  return !isOnPurpose && phase.verified !== null && phase.providers.some(({ status }) => status !== 'skipped');
}

/** The result of the session. Begins with post, which settles the session's own resources. */
export function verdictOfAll({ phases }: Report): PhaseVerdict {
  const { pre, run, post } = phases;
  const left = leftoversIn(phases);
  const besides = [
    ...besidePost(run, left.run, { left: ' of the benchmark', removed: 'removed while the benchmark ran' }),
    ...besidePost(pre, left.earlier, { left: ' of earlier runs', removed: 'of earlier runs removed' }),
    ...(pre !== null && left.earlier.length === 0 ? unverified(pre, post) : []),
  ];
  const last = postVerdict(post, besides.length > 0 ? ' of this session' : '');
  const all = [last, ...besides];
  const worst = WORST_FIRST.find((kind) => all.some((verdict) => verdict.kind === kind));
  // The other phases may have found resources.
  const usual = last.kind === 'nothing' ? (besides[0]?.kind ?? last.kind) : last.kind;
  return { kind: worst ?? usual, headline: all.map(({ headline }) => headline).join('; ') };
}

const WORST_FIRST: readonly PhaseVerdict['kind'][] = ['leftovers', 'unverified'];

function postVerdict(post: PhaseReport | null, whose: string): PhaseVerdict {
  return post === null ? { kind: 'unverified', headline: 'Nothing was cleaned up' } : verdictOf(post, whose);
}

/** The result of another phase, if worth mentioning. */
function besidePost(
  phase: PhaseReport | null,
  left: readonly ResourceReport[],
  words: { readonly left: string; readonly removed: string },
): readonly PhaseVerdict[] {
  if (phase === null) return [];
  const removed = removals(phase);
  const planned = phase.resources.filter(({ outcome }) => outcome === 'planned');
  const untouched = untouchedIn(phase);
  return [
    ...(left.length > 0 ? [{ kind: 'leftovers', headline: leftBehind(left, words.left) } as const] : []),
    ...(removed.length > 0 ? [{ kind: 'clean', headline: `${countKinds(removed)} ${words.removed}` } as const] : []),
    ...(planned.length > 0
      ? [{ kind: 'planned', headline: `${countKinds(planned)} of earlier runs would be removed` } as const]
      : []),
    ...(untouched === '' ? [] : [{ kind: 'untouched', headline: untouched } as const]),
  ];
}

/** Mentions a problem only once if post has the same. */
function unverified(pre: PhaseReport, post: PhaseReport | null): readonly PhaseVerdict[] {
  const { kind, headline } = verdictOf(pre);
  if (kind !== 'unverified' || (post !== null && verdictOf(post).headline === headline)) return [];
  return [{ kind, headline: `pre-cleanup: ${headline.charAt(0).toLowerCase()}${headline.slice(1)}` }];
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
