import type { Rung } from '../../../core/provider';

/** The ladder of what never runs: it has only to be removed, and is gone when the engine says so. */
export function removalOnly(timeoutMs: number, run: Rung['run']): readonly Rung[] {
  return [{ action: 'remove', timeoutMs, waits: false, run, reached: () => false }];
}
