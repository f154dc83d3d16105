import type { Disk } from '../../core/disk';
import { asError } from '../../lib/errors';
import type { DiskReport } from '../../report/model';

export interface CacheBudget {
  readonly provider: string;
  /** Bytes. */
  readonly wanted: number;
  readonly dryRun: boolean;
  /** Milliseconds since another live session began, 0 without one: what it may use is spared. */
  readonly unusedForMs: () => number;
  /** Limits the time of a request, and repeats it after errors that may pass. */
  readonly retried: <T>(what: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/** Lets BuildKit remove what exceeds the budget, unless a live session may use it. Never throws. */
export async function keepToBudget(buildCache: Disk['buildCache'], budget: CacheBudget): Promise<DiskReport> {
  const { provider, wanted, dryRun, unusedForMs, retried } = budget;
  const report = { provider, goal: 'build-cache-budget', wanted, images: [] } as const;
  const unknown = (reason: string): DiskReport => ({ ...report, before: null, after: null, reached: null, reason });
  if (buildCache === undefined) return unknown('this engine has no build cache of its own');
  try {
    const measure = () => retried('measuring the build cache', (signal) => buildCache.measure(signal));
    const before = await measure();
    if (before <= wanted) return { ...report, before, after: before, reached: true, reason: null };
    if (dryRun) return { ...report, before, after: before, reached: false, reason: 'dry run' };
    const records = await retried('removing build cache', (signal) => buildCache.prune(wanted, unusedForMs(), signal));
    const after = await measure();
    const reason = after <= wanted ? null : 'the rest is in use, or was used since another session began';
    return { ...report, before, after, reached: after <= wanted, reason, records };
  } catch (error) {
    return unknown(asError(error).message);
  }
}
