import { type PhaseReport, removedIn } from './model';
import { count, countKinds, time } from './words';

/** What a phase came to, in one line. */
export interface Verdict {
  readonly kind: 'clean' | 'nothing' | 'skipped' | 'planned' | 'kept' | 'unverified' | 'leftovers';
  readonly headline: string;
}

/** Decides in one place what a phase came to; every face of the report says it with these words. */
export function verdictOf(phase: PhaseReport): Verdict {
  const { totals, resources, durationMs, verified, dryRun } = phase;
  const removed = resources.filter(({ outcome }) => outcome === 'graceful' || outcome === 'killed' || outcome === 'removed');
  const took = `in ${time(durationMs)}`;
  if (totals.failed > 0) {
    const rest = removedIn(phase) > 0 ? `; ${countKinds(removed)} removed` : '';
    return { kind: 'leftovers', headline: `${count(totals.failed, 'leftover')}: act${rest} ${took}` };
  }
  const missing = phase.providers.filter(({ status }) => status === 'unavailable').map(({ name }) => name);
  if (missing.length > 0) {
    const rest = removed.length > 0 ? `; ${countKinds(removed)} removed ${took}` : '';
    return { kind: 'unverified', headline: `Not cleaned up: ${missing.join(', ')} can’t be reached${rest}` };
  }
  if (dryRun) {
    const planned = resources.filter(({ outcome }) => outcome === 'planned');
    return { kind: 'planned', headline: `Dry run: ${countKinds(planned)} would be removed` };
  }
  if (removed.length === 0 && totals.kept > 0) return { kind: 'kept', headline: `${count(totals.kept, 'resource')} kept` };
  if (!verified) {
    return { kind: 'unverified', headline: `${countKinds(removed)} removed ${took}, but no last listing could be had` };
  }
  if (removed.length === 0 && totals.gone > 0) return { kind: 'clean', headline: `Everything was gone already, ${took}` };
  if (removed.length > 0) return { kind: 'clean', headline: `Everything is gone: ${countKinds(removed)} ${took}` };
  const skipped = phase.providers.filter(({ status }) => status === 'skipped').map(({ name }) => name);
  // Where nobody has looked, nobody knows.
  if (phase.providers.length > 0 && skipped.length === phase.providers.length) {
    return { kind: 'skipped', headline: `Nothing was looked at: ${skipped.join(', ')} skipped` };
  }
  return { kind: 'nothing', headline: 'Nothing to clean up' };
}

/** Something is left, or it is not known whether: somebody must look. */
export function needsAction(phase: PhaseReport): boolean {
  const { kind } = verdictOf(phase);
  return kind === 'leftovers' || kind === 'unverified';
}
