import { type Clock, sleep } from './clock';
import type { Deadline } from './deadline';
import { asError, DeadlinePassed, Halted, TimedOut } from './errors';
import type { Limit } from './limit';
import type { Outcome, Settlement, Step } from './outcome';
import { type Ending, type Provider, type Rung, rungActions, type Verdict } from './provider';
import type { Resource } from './resource';
import { type RetryPolicy, withRetries } from './retry';

/** How resources are taken down, for all of them alike. */
export interface ReapPolicy {
  /** Milliseconds between the stop signal and SIGKILL; 0 skips the stop. */
  readonly graceMs: number;
  readonly retry: RetryPolicy;
}

export interface ReapContext {
  readonly provider: Provider;
  readonly policy: ReapPolicy;
  readonly deadline: Deadline;
  readonly limit: Limit;
  readonly clock: Clock;
  /** Asked again with the resource as it is now, right before it is touched. */
  readonly owned: (resource: Resource) => boolean;
}

/** Milliseconds for one look at one resource. A healthy engine answers in a few. */
const LOOK_TIMEOUT_MS = 5_000;

/** Milliseconds between looks while a provider works in the background: first, and at most. */
const POLL_MS = { first: 50, most: 1_000 };

/** A grace period shorter than this, cut by the deadline, is not worth its request. */
const SHORTEST_GRACE_MS = 1_000;

/** What a look at a resource found. `unknown`: the provider did not answer. */
type Look =
  | { readonly kind: 'there'; readonly resource: Resource }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unknown'; readonly error: Error };

/** Takes one resource down its ladder to an outcome. Never throws: an error is an outcome. */
export async function reap(listed: Resource, context: ReapContext): Promise<Settlement> {
  const { provider, clock } = context;
  const startedAt = clock.now();
  const steps: Step[] = [];
  let ending: Ending | undefined;
  let lastError: Error | undefined;

  const first = await look(listed, context);
  const seen = first.kind === 'there' ? first.resource : listed;
  const settle = (outcome: Outcome, more: Partial<Settlement> = {}): Settlement => ({
    resource: seen,
    outcome,
    durationMs: clock.now() - startedAt,
    steps,
    ...more,
  });
  if (first.kind === 'gone') return settle('gone');
  if (first.kind === 'there' && !context.owned(first.resource)) {
    return settle('kept', { reason: 'its labels changed: no longer owned' });
  }

  let now = seen;
  for (let rung = nextRung(provider, now, undefined); rung; rung = nextRung(provider, now, rung)) {
    if (context.deadline.passed) break;
    const climbed = await climb(rung, now, context);
    steps.push(climbed.step);
    ending ??= climbed.ending;
    lastError = climbed.error ?? lastError;
    if (climbed.step.result === 'gone') {
      // Someone else was faster, unless one of our own requests had an effect before.
      return settle(steps.some(({ result }) => result === 'done') ? outcomeOf(seen, ending) : 'gone');
    }
    const after = climbed.after ?? (await look(now, context));
    if (after.kind === 'gone') return settle(outcomeOf(seen, ending));
    if (after.kind === 'there') now = after.resource;
  }

  if (context.deadline.signal.reason instanceof Halted) {
    return settle('kept', { reason: context.deadline.signal.reason.message });
  }
  const error = context.deadline.passed ? deadlineError(context.deadline, lastError) : (lastError ?? stillThere(now));
  return settle('failed', {
    error,
    command: provider.removalCommand(seen),
    retryable: !context.deadline.passed && isRetryable(error, provider),
  });
}

/** The first rung below `last` of the ladder for the state that the resource is in now. */
function nextRung(provider: Provider, now: Resource, last: Rung | undefined): Rung | undefined {
  const rank = (rung: Rung) => rungActions.indexOf(rung.action);
  return provider.ladder(now).find((rung) => last === undefined || rank(rung) > rank(last));
}

function outcomeOf(seen: Resource, ending: Ending | undefined): Outcome {
  if (!seen.running) return 'removed';
  return ending ?? 'killed';
}

interface Climbed {
  readonly step: Step;
  readonly ending?: Ending | undefined;
  readonly error?: Error;
  /** What the last look of this rung found, if it took one. */
  readonly after?: Look;
}

/** Tries one rung: the request with its retries, then looks until it has had its effect. */
async function climb(rung: Rung, resource: Resource, context: ReapContext): Promise<Climbed> {
  const { clock, deadline, limit, provider, policy } = context;
  const startedAt = clock.now();
  let attempts = 0;
  const stepOf = (result: Step['result'], detail?: string): Step => ({
    action: rung.action,
    attempts,
    durationMs: clock.now() - startedAt,
    result,
    ...(detail === undefined ? {} : { detail }),
  });

  const graceMs = graceLeft(rung, resource, context);
  if (rung.action === 'stop' && graceMs === 0) {
    const why = policy.graceMs === 0 ? 'the grace period is 0' : 'the deadline is near';
    return { step: stepOf('skipped', why) };
  }

  const request = () =>
    deadline.within(rung.timeoutMs, rung.action, (signal) => {
      attempts += 1;
      return rung.run(signal, graceMs);
    });
  try {
    const ending = await withRetries(
      () => (rung.waits ? request() : limit.run(deadline.signal, request)),
      (error) => verdictInRung(error, provider),
      policy.retry,
      deadline,
      clock,
    );
    const after = await lookUntilReached(rung, resource, context);
    return { step: stepOf('done'), ending, after };
  } catch (thrown) {
    const error = asError(thrown);
    if (!isOurs(error) && provider.classify(error).kind === 'gone') return { step: stepOf('gone') };
    return { step: stepOf(error instanceof TimedOut ? 'timeout' : 'error', error.message), error };
  }
}

/** The grace period, as far as the deadline leaves time for the rungs below. */
function graceLeft(rung: Rung, resource: Resource, { policy, deadline, provider }: ReapContext): number {
  const below = provider.ladder(resource).filter(({ action }) => action !== rung.action);
  const reserved = below.reduce((sum, { timeoutMs }) => sum + timeoutMs, 0);
  const left = deadline.remaining() - reserved;
  if (left >= policy.graceMs) return policy.graceMs;
  return left >= SHORTEST_GRACE_MS ? left : 0;
}

/** @throws {TimedOut} when the request was answered but has no effect within the rung's time */
async function lookUntilReached(rung: Rung, resource: Resource, context: ReapContext): Promise<Look> {
  const giveUpAt = context.clock.now() + rung.timeoutMs;
  for (let pause = POLL_MS.first; ; pause = Math.min(pause * 2, POLL_MS.most)) {
    const found = await look(resource, context);
    if (found.kind !== 'there' || (rung.reached?.(found.resource) ?? true)) return found;
    if (context.clock.now() + pause >= giveUpAt) throw new TimedOut(`${rung.action}, answered but not done,`, rung.timeoutMs);
    await sleep(context.clock, pause, context.deadline.signal);
  }
}

async function look(resource: Resource, { provider, deadline, limit }: ReapContext): Promise<Look> {
  try {
    const found = await limit.run(deadline.signal, () =>
      deadline.within(LOOK_TIMEOUT_MS, 'inspect', (signal) => provider.inspect(resource, signal)),
    );
    return found ? { kind: 'there', resource: found } : { kind: 'gone' };
  } catch (thrown) {
    const error = asError(thrown);
    if (!isOurs(error) && provider.classify(error).kind === 'gone') return { kind: 'gone' };
    return { kind: 'unknown', error };
  }
}

function isOurs(error: Error): boolean {
  return error instanceof TimedOut || error instanceof DeadlinePassed || error instanceof Halted;
}

/** In a rung, a request that took too long is not repeated: the next rung is tried. */
function verdictInRung(error: unknown, provider: Provider): Verdict {
  return error instanceof Error && isOurs(error) ? { kind: 'permanent' } : provider.classify(error);
}

function isRetryable(error: Error, provider: Provider): boolean {
  if (error instanceof TimedOut) return true;
  return !isOurs(error) && provider.classify(error).kind === 'retryable';
}

function deadlineError(deadline: Deadline, cause: Error | undefined): Error {
  const reason = asError(deadline.signal.reason);
  return cause && cause !== reason ? new Error(`${reason.message}; before that: ${cause.message}`, { cause }) : reason;
}

function stillThere(now: Resource): Error {
  return new Error(`every rung was answered, and it is still there (${now.state})`);
}
