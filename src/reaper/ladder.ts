import type { Outcome, Settlement, Step } from '../core/outcome';
import { type ErrorClass, type Provider, type Rung, rungActions, type StopOutcome } from '../core/provider';
import type { Resource } from '../core/resource';
import { type RetryCause, retryCauseOf } from '../core/retry-cause';
import { type Clock, sleep } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError, DeadlinePassed, Halted, TimedOut } from '../lib/errors';
import type { Limit } from '../lib/limit';
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
  /** For looks: apart, so that what is gone can be seen to be gone while removals hang. */
  readonly inspectLimit: Limit;
  readonly clock: Clock;
  /** Asked again with the resource as it is now, right before it is touched. */
  readonly owned: (resource: Resource) => boolean;
}

/** Milliseconds for one look at one resource. A healthy engine answers in a few. */
const LOOK_TIMEOUT_MS = 5_000;

/** Milliseconds between looks while a provider works in the background: first, and at most. */
const POLL_MS = { first: 50, most: 1_000 };

/** A grace period shorter than this, cut by the deadline, is not worth its request. */
const MIN_GRACE_MS = 1_000;

/** Near the deadline, a request still gets this long. */
const MIN_REQUEST_MS = 1_000;

/** Near the deadline, a look still gets this long. */
const MIN_LOOK_MS = 250;

const NO_RETRIES: RetryPolicy = { retries: 0, delayMs: 0, factor: 1 };

/** What a look at a resource found. `unknown`: the provider did not answer. */
type Look =
  | { readonly kind: 'there'; readonly resource: Resource }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unknown'; readonly error: Error };

/** Takes one resource down its ladder to an outcome. Never throws: an error is an outcome. */
export async function reap(listed: Resource, context: ReapContext): Promise<Settlement> {
  const startedAt = context.clock.now();
  const first = await look(listed, context);
  const seen = first.kind === 'there' ? first.resource : listed;
  const end = await endOf(first, seen, context);
  return { resource: seen, durationMs: context.clock.now() - startedAt, ...end };
}

type End = Omit<Settlement, 'resource' | 'durationMs'>;

async function endOf(first: Look, seen: Resource, context: ReapContext): Promise<End> {
  if (first.kind === 'gone') return { outcome: 'gone', steps: [] };
  if (first.kind === 'unknown' && context.provider.listingLagMs !== undefined) return untouched(first.error, seen, context);
  if (!context.owned(seen)) return { outcome: 'kept', steps: [], reason: 'it changed meanwhile, and is no longer selected' };
  return descend(seen, context);
}

/** Nobody could say whether it is still what it was when it was listed. */
function untouched(error: Error, seen: Resource, context: ReapContext): End {
  return { ...leftBehind(seen, isOver(error) ? undefined : error, context), steps: [] };
}

/** Rung by rung, each the next one below for the state that the resource is in by then, until it is gone. */
async function descend(seen: Resource, context: ReapContext): Promise<End> {
  const steps: Step[] = [];
  let ending: StopOutcome | undefined;
  let lastError: Error | undefined;
  let now = seen;
  for (let rung = nextRung(context, now); rung !== undefined; rung = nextRung(context, now, rung)) {
    const climbed = await tryRung(rung, now, context);
    steps.push(climbed.step);
    ending ??= climbed.ending;
    if (climbed.error && !isOver(climbed.error)) lastError = climbed.error;
    if (climbed.after.kind === 'gone') return { outcome: outcomeOf(seen, ending, steps), steps };
    if (climbed.after.kind === 'there') now = climbed.after.resource;
  }
  return { ...leftBehind(now, lastError, context), steps, ...(ending ? { ending } : {}) };
}

/** The first rung below `last` of the ladder for the state that the resource is in now; none when the time is up. */
function nextRung(context: ReapContext, now: Resource, last?: Rung): Rung | undefined {
  return context.deadline.passed ? undefined : rungsBelow(last, now, context)[0];
}

/** What is not there any more: by us, unless no request of ours had, or may have had, an effect. */
export function outcomeOf(seen: Resource, ending: StopOutcome | undefined, steps: readonly Step[]): Outcome {
  if (!steps.some(({ result }) => result === 'done' || result === 'timeout')) return 'gone';
  if (!seen.running) return 'removed';
  return ending ?? 'killed';
}

/** What is still there. */
function leftBehind(now: Resource, lastError: Error | undefined, { deadline, provider }: ReapContext): Omit<End, 'steps'> {
  const reason: unknown = deadline.signal.reason;
  if (reason instanceof Halted) return { outcome: 'kept', reason: reason.message };
  const error = deadline.passed ? deadlineError(asError(reason), lastError) : (lastError ?? stillThere(now));
  const retryable = !deadline.passed && isRetryable(error, provider);
  return { outcome: 'failed', error, command: provider.removalCommand(now), retryable };
}

/** That the deadline has passed, and what went wrong before it had. */
export function deadlineError(reason: Error, cause: Error | undefined): Error {
  return cause && cause !== reason ? new Error(`${reason.message}; before that: ${cause.message}`, { cause }) : reason;
}

function stillThere(now: Resource): Error {
  return new Error(`every rung was answered, and it is still there (${stateOf(now)})`);
}

/** `destroying since 2026-11-21T09:00:00.000Z` */
function stateOf({ state, stateSince }: Resource): string {
  return Number.isFinite(stateSince) ? `${state} since ${new Date(stateSince ?? 0).toISOString()}` : state;
}

interface RungResult {
  readonly step: Step;
  readonly ending?: StopOutcome | undefined;
  readonly error?: Error;
  /** What the last look found. */
  readonly after: Look;
}

/** Tries one rung: the request with its retries, then looks until it has had its effect. */
async function tryRung(rung: Rung, resource: Resource, context: ReapContext): Promise<RungResult> {
  const { clock, deadline, limit, provider, policy } = context;
  const startedAt = clock.now();
  let attempts = 0;
  const failures: RetryCause[] = [];
  const stepOf = (result: Step['result'], detail?: string): Step => ({
    action: rung.action,
    attempts,
    ...(attempts > 1 ? { retriedAfter: failures.slice(0, attempts - 1) } : {}),
    startedAt,
    durationMs: clock.now() - startedAt,
    result,
    ...(detail === undefined ? {} : { detail }),
  });

  const graceMs = graceLeft(rung, resource, context);
  const skip = rung.skip ?? (rung.action === 'stop' && graceMs === 0 ? noGrace(policy) : undefined);
  if (skip !== undefined) return { step: stepOf('skipped', skip), after: { kind: 'there', resource } };

  const request = async () => {
    try {
      return await deadline.within(timeLeft(rung, resource, context), rung.action, (signal) => {
        attempts += 1;
        return rung.run(signal, graceMs);
      });
    } catch (thrown) {
      if (isUnsent(thrown, provider)) attempts -= 1;
      else failures.push(retryCauseOf(asError(thrown)));
      throw thrown;
    }
  };
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
    if (!isOurs(error) && provider.classify(error).kind === 'gone') return { step: stepOf('gone'), after: { kind: 'gone' } };
    const step = stepOf(error instanceof TimedOut ? 'timeout' : 'error', error.message);
    return { step, error, after: await look(resource, context, rung) };
  }
}

function isUnsent(thrown: unknown, provider: Provider): boolean {
  const verdict = verdictInRung(thrown, provider);
  return verdict.kind === 'retryable' && verdict.unsent === true;
}

function noGrace({ graceMs }: ReapPolicy): string {
  return graceMs === 0 ? 'the grace period is 0' : 'the deadline is near';
}

/** Milliseconds that the deadline leaves when the rungs below `last` (all, when none was tried yet) take all of their time. May be negative. */
function spare(last: Rung | undefined, resource: Resource, context: ReapContext): number {
  return rungsBelow(last, resource, context).reduce((left, { timeoutMs }) => left - timeoutMs, context.deadline.remaining());
}

function rungsBelow(last: Rung | undefined, resource: Resource, { provider }: ReapContext): readonly Rung[] {
  const rank = (rung: Rung) => rungActions.indexOf(rung.action);
  return provider.ladder(resource).filter((rung) => last === undefined || rank(rung) > rank(last));
}

/** The grace period, as far as the deadline leaves time for the rungs below. */
function graceLeft(rung: Rung, resource: Resource, context: ReapContext): number {
  const left = spare(rung, resource, context);
  if (left >= context.policy.graceMs) return context.policy.graceMs;
  return left >= MIN_GRACE_MS ? left : 0;
}

/** The rung's own time; near the deadline less, so that removal is always tried. */
function timeLeft(rung: Rung, resource: Resource, context: ReapContext): number {
  return Math.min(rung.timeoutMs, Math.max(MIN_REQUEST_MS, spare(rung, resource, context)));
}

/** A look's own time; near the deadline no more than its share of what is left, so that removal is always tried. */
function lookTimeLeft(last: Rung | undefined, resource: Resource, context: ReapContext): number {
  const share = context.deadline.remaining() / (1 + rungsBelow(last, resource, context).length);
  return Math.min(LOOK_TIMEOUT_MS, Math.max(MIN_LOOK_MS, share, spare(last, resource, context)));
}

/** @throws {TimedOut} when the request was answered but has no effect within the rung's time */
async function lookUntilReached(rung: Rung, resource: Resource, context: ReapContext): Promise<Look> {
  const { clock, deadline, provider } = context;
  const { pollMs } = provider;
  const patience = timeLeft(rung, resource, context);
  const giveUpAt = clock.now() + patience;
  if (pollMs && rung.reached) await sleep(clock, pollMs.first, deadline.signal);
  const { first, most } = pollMs ?? POLL_MS;
  for (let pause = first; ; pause = Math.min(pause * 2, most)) {
    const found = await look(resource, context, rung);
    if (found.kind === 'gone' || rung.reached === undefined) return found;
    if (found.kind === 'there' && rung.reached(found.resource)) return found;
    const left = giveUpAt - clock.now();
    if (left <= 0) throw found.kind === 'unknown' ? found.error : notReached(rung, found.resource, patience);
    await sleep(clock, Math.min(pause, left), deadline.signal);
  }
}

function notReached({ action }: Rung, now: Resource, patience: number): TimedOut {
  return new TimedOut(`${action}, answered but not done (${stateOf(now)}),`, patience);
}

/** @param last the rung that was tried before */
async function look(resource: Resource, context: ReapContext, last?: Rung): Promise<Look> {
  const { provider, deadline, inspectLimit, clock } = context;
  try {
    const once = () =>
      inspectLimit.run(deadline.signal, () =>
        deadline.within(lookTimeLeft(last, resource, context), 'inspect', (signal) => provider.inspect(resource, signal)),
      );
    // Looks are not tried again, but when the provider says when to ask, it is asked then.
    const found = await withRetries(once, (error) => verdictInRung(error, provider), NO_RETRIES, deadline, clock);
    return found ? { kind: 'there', resource: found } : { kind: 'gone' };
  } catch (thrown) {
    const error = asError(thrown);
    if (!isOurs(error) && provider.classify(error).kind === 'gone') return { kind: 'gone' };
    return { kind: 'unknown', error };
  }
}

function isOurs(error: Error): boolean {
  return error instanceof TimedOut || isOver(error);
}

/** The whole cleanup is over; this says nothing about the resource. */
function isOver(error: Error): boolean {
  return error instanceof DeadlinePassed || error instanceof Halted;
}

/** In a rung, a request that took too long is not repeated: the next rung is tried. */
function verdictInRung(error: unknown, provider: Provider): ErrorClass {
  return error instanceof Error && isOurs(error) ? { kind: 'permanent' } : provider.classify(error);
}

function isRetryable(error: Error, provider: Provider): boolean {
  if (error instanceof TimedOut) return true;
  return !isOurs(error) && provider.classify(error).kind === 'retryable';
}
