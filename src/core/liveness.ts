import type { Resource } from './resource';

/** What shows that a session is over, the surest first. The words are those of the report. */
export const evidenceOfEnd = ['lease', 'ci', 'runner', 'age'] as const;
export type EvidenceOfEnd = (typeof evidenceOfEnd)[number];

/** Whether a session is at work, and what shows it. */
export type SessionState =
  /** `job`: it belongs to this very job. Nothing of it is ever removed by another session. */
  | { readonly state: 'live'; readonly evidence: 'job' | 'lease' | 'ci' }
  | { readonly state: 'over'; readonly evidence: Exclude<EvidenceOfEnd, 'age'> }
  /** Only the age of its resources is left to go by. */
  | { readonly state: 'unknown' };

/** Says what is known of any session by now. Asked with each listing: a session may begin or end meanwhile. */
export interface LivenessOfSessions {
  of(sessionId: string): SessionState;
  /** Asks for what is not known yet about the sessions of these resources. Never throws, and takes some seconds at most. */
  learn?(listed: readonly Resource[]): Promise<void>;
}

/** What one kind of evidence says; undefined: nothing. */
export type Word = 'live' | 'over' | undefined;

/** `unknown`: there is a lease, and the process that keeps it may live or not. */
export type LeaseWord = Word | 'unknown';

/** All that is known of a session. */
export interface SessionFacts {
  /** It is this process's session, or another one of the same job. */
  readonly isOfThisJob: boolean;
  /** What its lease on this host says. */
  readonly lease: LeaseWord;
  /** What the CI says of its run. */
  readonly ci: Word;
  /** Its run is the one that this process is part of. */
  readonly isOfThisRun: boolean;
  /** It took place on this runner. */
  readonly isOfThisRunner: boolean;
}

/**
 * Decides by the surest evidence that there is. The run that this process is part of has not ended, whatever the CI says of it; that
 * says nothing of an earlier job of that run on this same runner, which runs one job at a time.
 */
export function decide({ isOfThisJob, lease, ci, isOfThisRun, isOfThisRunner }: SessionFacts): SessionState {
  if (isOfThisJob) return { state: 'live', evidence: 'job' };
  if (lease === 'live' || lease === 'over') return { state: lease, evidence: 'lease' };
  const ofRun = isOfThisRun ? (isOfThisRunner ? undefined : 'live') : ci;
  if (ofRun !== undefined) return { state: ofRun, evidence: 'ci' };
  return isOfThisRunner && lease === undefined ? { state: 'over', evidence: 'runner' } : { state: 'unknown' };
}
