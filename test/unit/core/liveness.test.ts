import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type SessionFacts } from '../../../src/core/liveness';

const facts: fc.Arbitrary<SessionFacts> = fc.record({
  isOfThisJob: fc.boolean(),
  lease: fc.constantFrom('live', 'over', 'unknown', undefined),
  ci: fc.constantFrom('live', 'over', undefined),
  isOfThisRun: fc.boolean(),
  isOfThisRunner: fc.boolean(),
});

const nothing: SessionFacts = {
  isOfThisJob: false,
  lease: undefined,
  ci: undefined,
  isOfThisRun: false,
  isOfThisRunner: false,
};

/** From the surest evidence to the weakest. */
const RANKS = ['job', 'lease', 'ci', 'runner'] as const;

function signsOfLife({ isOfThisJob, lease, ci, isOfThisRun, isOfThisRunner }: SessionFacts): readonly string[] {
  const isRunAtWork = isOfThisRun ? !isOfThisRunner : ci === 'live';
  return [...(isOfThisJob ? ['job'] : []), ...(lease === 'live' ? ['lease'] : []), ...(isRunAtWork ? ['ci'] : [])];
}

describe('a session', () => {
  it('is never over while surer evidence shows that it lives', () => {
    fc.assert(
      fc.property(facts, (known) => {
        const decided = decide(known);
        if (decided.state !== 'over') return;
        const surer: readonly string[] = RANKS.slice(0, RANKS.indexOf(decided.evidence));
        expect(signsOfLife(known).filter((sign) => surer.includes(sign))).toEqual([]);
      }),
    );
  });

  it('is over only where the evidence that is named says so', () => {
    fc.assert(
      fc.property(facts, (known) => {
        const decided = decide(known);
        if (decided.state !== 'over') return;
        const says = { lease: known.lease === 'over', ci: known.ci === 'over', runner: known.isOfThisRunner };
        expect(says[decided.evidence]).toBe(true);
      }),
    );
  });

  it('is unknown only where nothing says that it lives', () => {
    fc.assert(
      fc.property(facts, (known) => {
        expect(decide(known).state === 'unknown' && signsOfLife(known).length > 0).toBe(false);
      }),
    );
  });

  it.each<[string, Partial<SessionFacts>, object]>([
    ['of this job, whatever else is said', { isOfThisJob: true, lease: 'over', ci: 'over' }, { state: 'live', evidence: 'job' }],
    [
      'of the run that this is part of, though the CI calls it over',
      { isOfThisRun: true, ci: 'over' },
      { state: 'live', evidence: 'ci' },
    ],
    [
      'of an earlier job of this run on this runner',
      { isOfThisRun: true, isOfThisRunner: true },
      { state: 'over', evidence: 'runner' },
    ],
    ['of this runner, whose run goes on elsewhere', { isOfThisRunner: true, ci: 'live' }, { state: 'live', evidence: 'ci' }],
    ['of this runner, whose keeper may live', { isOfThisRunner: true, lease: 'unknown' }, { state: 'unknown' }],
    ['whose keeper may live, while its run is over', { lease: 'unknown', ci: 'over' }, { state: 'over', evidence: 'ci' }],
    ['of which nothing is known', {}, { state: 'unknown' }],
  ])('%s', (_, known, expected) => {
    expect(decide({ ...nothing, ...known })).toEqual(expected);
  });
});
