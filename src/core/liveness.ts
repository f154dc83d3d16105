import type { Resource } from './resource';

/** Evidence that a session is over, the surest first, in the report's words. */
const evidenceOfEnd = ['lease', 'ci', 'runner', 'age'] as const;
export type EvidenceOfEnd = (typeof evidenceOfEnd)[number];

/** Whether a session is at work, and the evidence. */
export type SessionState =
  /** `job`: a session of this very job. */
  | { readonly state: 'live'; readonly evidence: 'job' | 'lease' | 'ci' }
  | { readonly state: 'over'; readonly evidence: Exclude<EvidenceOfEnd, 'age'> }
  /** Only the age of its resources counts. */
  | { readonly state: 'unknown' };

/** Knows the state of any session. Asked with each listing: sessions begin and end meanwhile. */
export interface LivenessOfSessions {
  of(sessionId: string): SessionState;
  /** Collects evidence about the sessions of resources, for some seconds at most. Never throws. */
  learn?(listed: readonly Resource[]): Promise<void>;
}

/** The result of one kind of evidence; undefined if there is none. */
export type Word = 'live' | 'over' | undefined;

/** `unknown`: there is a lease, but its process may be alive or not. */
export type LeaseWord = Word | 'unknown';

/** All evidence about a session. */
export interface SessionFacts {
  /** It is this process's session, or another of the same job. */
  readonly isOfThisJob: boolean;
  /** From its lease on this host. */
  readonly lease: LeaseWord;
  /** From the CI about its run. */
  readonly ci: Word;
  /** This process is part of its run. */
  readonly isOfThisRun: boolean;
  /** It took place on this runner. */
  readonly isOfThisRunner: boolean;
}

/**
 * Decides by the surest evidence. This process's own run is live, whatever the CI says; but an
 * earlier job of that run on this runner, which runs one job at a time, is over.
 */
export function decide({ isOfThisJob, lease, ci, isOfThisRun, isOfThisRunner }: SessionFacts): SessionState {
  if (isOfThisJob) return { state: 'live', evidence: 'job' };
  if (lease === 'live' || lease === 'over') return { state: lease, evidence: 'lease' };
  const ofRun = isOfThisRun ? (isOfThisRunner ? undefined : 'live') : ci;
  if (ofRun !== undefined) return { state: ofRun, evidence: 'ci' };
  return isOfThisRunner && lease === undefined ? { state: 'over', evidence: 'runner' } : { state: 'unknown' };
}
