import { type Outcome, type RetryCause, retryCauseOf, type Settlement, type Step } from '../core/outcome';
import { InUse, type Provider, type Rung, type RungAnswer, rungActions, type StopOutcome } from '../core/provider';
import type { Resource } from '../core/resource';
import { type Clock, sleep } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import { asError, Halted, TimedOut } from '../lib/errors';
import type { Limit } from '../lib/limit';
import type { Inspection, Inspector } from './inspect';
import { isGone, isOver, isRetryable, type RetryPolicy, requestErrorClass, withRetries } from './retry';

/** How to take down resources of any kind. */
export interface ReapPolicy {
  /** Milliseconds between the stop signal and SIGKILL; 0 skips the stop. */
  readonly graceMs: number;
  readonly retry: RetryPolicy;
}

export interface ReapContext {
  readonly provider: Provider;
  readonly policy: ReapPolicy;
  readonly deadline: Deadline;
  /** Requests that make the provider work. */
  readonly limit: Limit;
  /** Has its own limit, so that a resource can be seen to be gone while removals hang. */
  readonly inspector: Inspector;
  readonly clock: Clock;
  /** Asked with the resource's current state before each rung. */
  readonly owned: (resource: Resource) => boolean;
}

/** Milliseconds between inspections while a provider works in the background. */
const POLL_MS = { first: 50, max: 1_000 };

/** Milliseconds. A shorter grace period is not worth its request. */
const MIN_GRACE_MS = 1_000;

/** Milliseconds for a request even near the deadline. */
const MIN_REQUEST_MS = 1_000;

/** Milliseconds for an inspection even near the deadline. */
const MIN_INSPECT_MS = 250;

/** Takes one resource down its ladder to an outcome. Never throws: an error is an outcome. */
export async function reap(listed: Resource, context: ReapContext): Promise<Settlement> {
  const startedAt = context.clock.now();
  const first = await inspect(listed, context);
  const seen = first.kind === 'there' ? first.resource : listed;
  const end = await endOf(first, seen, context);
  return { resource: seen, durationMs: context.clock.now() - startedAt, ...end };
}

type End = Omit<Settlement, 'resource' | 'durationMs'>;

const NO_LONGER_SELECTED = { outcome: 'kept', reason: 'it changed meanwhile, and is no longer selected' } as const;

async function endOf(first: Inspection, seen: Resource, context: ReapContext): Promise<End> {
  if (first.kind === 'gone') return { outcome: 'gone', steps: [] };
  if (first.kind === 'unknown' && context.provider.listingLagMs !== undefined) return untouched(first.error, seen, context);
  if (!context.owned(seen)) return { ...NO_LONGER_SELECTED, steps: [] };
  return descend(seen, context);
}

/** Leaves alone a resource that can't be inspected and may have changed hands since its listing. */
function untouched(error: Error, seen: Resource, context: ReapContext): End {
  return { ...leftBehind(seen, isOver(error) ? undefined : error, context), steps: [] };
}

/** Tries rung after rung, each chosen by the current state, until the resource is gone. */
async function descend(seen: Resource, context: ReapContext): Promise<End> {
  const steps: Step[] = [];
  let ending: StopOutcome | undefined;
  let lastError: Error | undefined;
  let now = seen;
  for (let rung = nextRung(context, now); rung !== undefined; rung = nextRung(context, now, rung)) {
    const result = await tryRung(rung, now, context);
    steps.push(result.step);
    ending ??= result.ending;
    if (result.error && !isOver(result.error)) lastError = result.error;
    if (result.after.kind === 'gone') return { outcome: outcomeOf(seen, ending, steps), steps };
    if (result.after.kind === 'there') now = result.after.resource;
    if (!context.owned(now)) return { ...NO_LONGER_SELECTED, steps };
  }
  const end = leftBehind(now, lastError, context);
  return { ...(await withWhyStuck(end, now, context)), steps, ...(ending ? { ending } : {}) };
}

/** The next rung for the current state; none when time is up. */
function nextRung(context: ReapContext, now: Resource, last?: Rung): Rung | undefined {
  return context.deadline.passed ? undefined : rungsBelow(last, now, context)[0];
}

/** Names the outcome of a gone resource: ours if a request had, or may have had, an effect. */
export function outcomeOf(seen: Resource, ending: StopOutcome | undefined, steps: readonly Step[]): Outcome {
  if (!steps.some(({ result }) => result === 'done' || result === 'timeout')) return 'gone';
  if (!seen.running) return 'removed';
  return ending ?? 'killed';
}

/** Settles a resource that is still there. */
function leftBehind(now: Resource, lastError: Error | undefined, { deadline, provider }: ReapContext): Omit<End, 'steps'> {
  const reason: unknown = deadline.signal.reason;
  const command = provider.removalCommand(now);
  if (reason instanceof Halted) return { outcome: 'kept', reason: reason.message, command };
  if (lastError instanceof InUse && lastError.keptBecause !== undefined) {
    return { outcome: 'kept', reason: lastError.keptBecause, command, ...holding(lastError) };
  }
  const error = deadline.passed ? deadlineError(asError(reason), lastError) : (lastError ?? stillThere(now));
  const retryable = !deadline.passed && isRetryable(error, provider);
  return { outcome: 'failed', error, command, retryable, ...holding(lastError) };
}

/** Gives up what is stuck, with the reason: more rounds would only delay the news. */
async function withWhyStuck(
  end: Omit<End, 'steps'>,
  now: Resource,
  { provider, deadline }: ReapContext,
): Promise<Omit<End, 'steps'>> {
  const why = end.outcome === 'failed' ? await provider.whyStuck?.(now, deadline.passed) : undefined;
  return why === undefined ? end : { ...end, error: new Error(why, { cause: end.error }), retryable: false };
}

/** The users of the resource that the error names. */
function holding(error: Error | undefined): Pick<Settlement, 'heldBy' | 'command'> {
  if (!(error instanceof InUse)) return {};
  return { ...(error.holders.length > 0 && { heldBy: error.holders }), ...(error.command && { command: error.command }) };
}

/** Combines the deadline with the error before it. */
export function deadlineError(reason: Error, cause: Error | undefined): Error {
  return cause && cause !== reason ? new Error(`${reason.message}; before that: ${cause.message}`, { cause }) : reason;
}

function stillThere(now: Resource): Error {
  return new Error(`every request was answered, and it is still there (${stateOf(now)})`);
}

/** `destroying since 2026-11-21T09:00:00.000Z` */
function stateOf({ state, stateSince }: Resource): string {
  return Number.isFinite(stateSince) ? `${state} since ${new Date(stateSince ?? 0).toISOString()}` : state;
}

interface RungResult {
  readonly step: Step;
  readonly ending?: StopOutcome | undefined;
  readonly error?: Error;
  readonly after: Inspection;
}

/** Tries one rung: the request with its retries, then inspections until it has had its effect. */
async function tryRung(rung: Rung, resource: Resource, context: ReapContext): Promise<RungResult> {
  const attempts = new Attempts(rung, context);
  const graceMs = graceLeft(rung, resource, context);
  const skip = rung.skip ?? (rung.action === 'stop' && graceMs === 0 ? noGrace(context.policy) : undefined);
  if (skip !== undefined) return { step: attempts.step('skipped', skip), after: there(resource) };
  try {
    const answer = await request(rung, resource, graceMs, attempts, context);
    if (answer === 'gone') return { step: attempts.step('done'), after: { kind: 'gone' } };
    const after = rung.unchecked ? there(resource) : await inspectUntilReached(rung, resource, context);
    return { step: attempts.step('done'), ending: answer, after };
  } catch (thrown) {
    const error = asError(thrown);
    if (isGone(error, context.provider)) return { step: attempts.step('gone'), after: { kind: 'gone' } };
    const step = attempts.step(error instanceof TimedOut ? 'timeout' : 'error', error.message);
    return { step, error, after: await inspect(resource, context, rung) };
  }
}

function there(resource: Resource): Inspection {
  return { kind: 'there', resource };
}

/** Sends the request until it is answered or refused, or its retries are used up. */
function request(rung: Rung, resource: Resource, graceMs: number, attempts: Attempts, context: ReapContext): Promise<RungAnswer> {
  const { clock, deadline, limit, provider, policy } = context;
  const once = () =>
    attempts.count(() => deadline.within(timeLeft(rung, resource, context), rung.action, (signal) => rung.run(signal, graceMs)));
  return withRetries(
    () => (rung.waits ? once() : limit.run(deadline.signal, once)),
    (error) => requestErrorClass(error, provider),
    policy.retry,
    deadline,
    clock,
  );
}

/** Counts one rung's requests for the report. */
class Attempts {
  readonly #rung: Rung;
  readonly #context: ReapContext;
  readonly #startedAt: number;
  #count = 0;
  readonly #causes: RetryCause[] = [];

  constructor(rung: Rung, context: ReapContext) {
    this.#rung = rung;
    this.#context = context;
    this.#startedAt = context.clock.now();
  }

  async count<T>(send: () => Promise<T>): Promise<T> {
    this.#context.deadline.signal.throwIfAborted();
    this.#count += 1;
    try {
      return await send();
    } catch (thrown) {
      if (this.#isUnsent(thrown)) this.#count -= 1;
      else this.#causes.push(retryCauseOf(asError(thrown)));
      throw thrown;
    }
  }

  step(result: Step['result'], detail?: string): Step {
    return {
      action: this.#rung.action,
      attempts: this.#count,
      ...(this.#count > 1 ? { retriedAfter: this.#causes.slice(0, this.#count - 1) } : {}),
      startedAt: this.#startedAt,
      durationMs: this.#context.clock.now() - this.#startedAt,
      result,
      ...(detail === undefined ? {} : { detail }),
    };
  }

  #isUnsent(thrown: unknown): boolean {
    const errorClass = requestErrorClass(thrown, this.#context.provider);
    return errorClass.kind === 'retryable' && errorClass.unsent === true;
  }
}

function noGrace({ graceMs }: ReapPolicy): string {
  return graceMs === 0 ? 'the grace period is 0' : 'the deadline is near';
}

/** Milliseconds that the deadline leaves after all rungs below `last`; may be negative. */
function spare(last: Rung | undefined, resource: Resource, context: ReapContext): number {
  return rungsBelow(last, resource, context).reduce((left, { timeoutMs }) => left - timeoutMs, context.deadline.remaining());
}

function rungsBelow(last: Rung | undefined, resource: Resource, { provider }: ReapContext): readonly Rung[] {
  const rank = (rung: Rung) => rungActions.indexOf(rung.action);
  return provider.ladder(resource).filter((rung) => last === undefined || rank(rung) > rank(last));
}

/** The grace period, cut if the rungs below would run out of time. */
function graceLeft(rung: Rung, resource: Resource, context: ReapContext): number {
  const left = spare(rung, resource, context);
  if (left >= context.policy.graceMs) return context.policy.graceMs;
  return left >= MIN_GRACE_MS ? left : 0;
}

/** The rung's timeout, cut near the deadline so that the removal is always tried. */
function timeLeft(rung: Rung, resource: Resource, context: ReapContext): number {
  return Math.min(rung.timeoutMs, Math.max(MIN_REQUEST_MS, spare(rung, resource, context)));
}

/** @throws {TimedOut} when the request was answered but has no effect in time */
async function inspectUntilReached(rung: Rung, resource: Resource, context: ReapContext): Promise<Inspection> {
  const { clock, deadline, provider } = context;
  const { pollMs } = provider;
  const patience = timeLeft(rung, resource, context);
  const giveUpAt = clock.now() + patience;
  if (pollMs && rung.reached) await sleep(clock, pollMs.first, deadline.signal);
  const { first, max } = pollMs ?? POLL_MS;
  for (let pause = first; ; pause = Math.min(pause * 2, max)) {
    const found = await inspect(resource, context, rung);
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

/**
 * Inspects the resource. Near the deadline it gets a share of the rest, so that removal is tried.
 * @param last the rung that was tried before
 */
function inspect(resource: Resource, context: ReapContext, last?: Rung): Promise<Inspection> {
  const share = context.deadline.remaining() / (1 + rungsBelow(last, resource, context).length);
  return context.inspector.inspect(resource, Math.max(MIN_INSPECT_MS, share, spare(last, resource, context)));
}
