/** One deliberate break: the text, which stands once in the file, is replaced. */
export interface Mutation {
  /** Below `src/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** What the product would do. */
  readonly harm: string;
}

/** Breaks of what decides who owns, who lives, what is tried, and what counts as gone. */
export const MUTATIONS: readonly Mutation[] = [
  // core: what is owned
  {
    file: 'core/selector.ts',
    from: "if (resource.labels[labels.keep]?.toLowerCase() === 'true')",
    to: 'if (resource.labels[labels.keep] === undefined && false)',
    harm: 'removes what carries the keep label',
  },
  {
    file: 'core/selector.ts',
    from: "prefix !== '' && matchesGlob",
    to: 'matchesGlob',
    harm: 'an empty name prefix matches everything',
  },
  {
    file: 'core/selector.ts',
    from: 'line.length > 0 && line.every(has)',
    to: 'line.every(has)',
    harm: 'an empty line of labels matches everything',
  },
  {
    file: 'core/selector.ts',
    from: 'line.every(has)) ||',
    to: 'line.some(has)) ||',
    harm: 'one label of several is enough',
  },
  {
    file: 'core/selector.ts',
    from: "return resource.inheritsSession && resource.kind !== 'image' ? undefined : sessionOf(resource);",
    to: 'return sessionOf(resource);',
    harm: 'a label that a container has from its image owns it',
  },
  {
    file: 'core/selector.ts',
    from: 'if (ownerOf(resource) !== undefined || !matchesFilters(resource, filters)) return false;',
    to: 'if (!matchesFilters(resource, filters)) return false;',
    harm: 'takes another session’s resources that match the filters',
  },
  {
    file: 'core/selector.ts',
    from: '(resource.createdAt ?? startedAt) >= startedAt - CLOCK_TOLERANCE_MS',
    to: '(resource.createdAt ?? startedAt) >= startedAt - 3_600_000',
    harm: 'takes what was created an hour before the session',
  },
  {
    file: 'core/selector.ts',
    from: "if (resource.kind === 'image') return wasThere === false;",
    to: "if (resource.kind === 'image') return wasThere !== true;",
    harm: 'an image that nobody looked for counts as new',
  },
  {
    file: 'core/selector.ts',
    from: 'return users.every((user) => selector(user) && protectionOf(user) === undefined);',
    to: 'return users.every((user) => selector(user));',
    harm: 'takes the image of a protected container',
  },
  {
    file: 'core/selector.ts',
    from: "return kind !== 'sandbox';",
    to: 'return true;',
    harm: 'scope: job takes the sandboxes of a whole organization',
  },
  {
    file: 'core/selector.ts',
    from: "if (mode === 'none' || isLive(session)) return undefined;",
    to: "if (mode === 'none') return undefined;",
    harm: 'pre-cleanup takes what a live session owns',
  },
  {
    file: 'core/selector.ts',
    from: "return mode === 'stopped' && resource.kind === 'container' && !resource.running;",
    to: "return mode === 'stopped' && !resource.running;",
    harm: 'pre-cleanup: stopped takes volumes and idle sandboxes in use',
  },
  {
    file: 'core/selector.ts',
    from: 'createdAt !== undefined && now - createdAt > ageMs;',
    to: 'now - (createdAt ?? 0) > ageMs;',
    harm: 'an unknown age counts as old',
  },
  {
    file: 'core/selector.ts',
    from: "if (selectors.length === 0) throw new RangeError('all of no selectors would be everything');",
    to: '',
    harm: 'a sweep without filters takes everything',
  },
  {
    file: 'core/labels.ts',
    from: 'return runner === UNKNOWN_RUNNER ? undefined : runner;',
    to: 'return runner;',
    harm: 'all unknown runners count as one',
  },
  {
    file: 'core/glob.ts',
    from: 'return text.length - end.length >= at && text.endsWith(end);',
    to: 'return text.endsWith(end);',
    harm: '`aba*ba` matches `aba`',
  },
  // core and session: who is alive
  {
    file: 'core/liveness.ts',
    from: "if (isOfThisJob) return { state: 'live', evidence: 'job' };",
    to: '',
    harm: 'a job’s own session may be over',
  },
  {
    file: 'core/liveness.ts',
    from: "isOfThisRunner && lease === undefined ? { state: 'over'",
    to: "isOfThisRunner ? { state: 'over'",
    harm: 'a session with a lease that can’t be judged is over',
  },
  {
    file: 'core/liveness.ts',
    from: "const ofRun = isOfThisRun ? (isOfThisRunner ? undefined : 'live') : ci;",
    to: 'const ofRun = ci;',
    harm: 'a sibling job of the same run is over when the CI says so',
  },
  {
    file: 'session/leases.ts',
    from: "if (words.includes('live')) return 'live';",
    to: '',
    harm: 'a planted lease that ended hides a live one',
  },
  {
    file: 'session/leases.ts',
    from: '&& isUnique(session) && isOnlyOurs(own)',
    to: '&& isUnique(session)',
    harm: 'a lease that anyone could have written condemns a session',
  },
  {
    file: 'session/leases.ts',
    from: "if (life === 'ended') return 'over';",
    to: "if (life !== 'alive') return 'over';",
    harm: 'a process of another namespace counts as ended',
  },
  {
    file: 'lib/process-space.ts',
    from: "return machine !== '' && machine === space.machine ? 'ended' : 'unknown';",
    to: "return 'ended';",
    harm: 'another machine’s session is over, because this one has another start',
  },
  // reaper: what is tried, and what counts as gone
  {
    file: 'reaper/ladder.ts',
    from: 'if (!context.owned(seen)) return { ...NO_LONGER_SELECTED, steps: [] };',
    to: '',
    harm: 'removes what has changed hands since its listing',
  },
  {
    file: 'reaper/ladder.ts',
    from: 'if (!context.owned(now)) return { ...NO_LONGER_SELECTED, steps };',
    to: '',
    harm: 'removes what has changed hands between two rungs',
  },
  {
    file: 'reaper/ladder.ts',
    from: "if (first.kind === 'gone') return { outcome: 'gone', steps: [] };",
    to: "if (first.kind !== 'there') return { outcome: 'gone', steps: [] };",
    harm: 'what nobody could look at counts as gone',
  },
  {
    file: 'reaper/ladder.ts',
    from: 'rank(rung) > rank(last)',
    to: 'rank(rung) >= rank(last)',
    harm: 'tries the same rung for ever',
  },
  {
    file: 'reaper/ladder.ts',
    from: 'return left >= MIN_GRACE_MS ? left : 0;',
    to: 'return context.policy.graceMs;',
    harm: 'the grace period outlasts the deadline',
  },
  {
    file: 'reaper/ladder.ts',
    from: "if (answer === 'gone') return",
    to: "if (answer !== 'graceful') return",
    harm: 'an accepted request counts as a removal',
  },
  {
    file: 'reaper/sweep.ts',
    from: 'const verified = owned.every((resource) => protectionOf(resource) !== undefined || ledger.isHeld(resource));',
    to: 'const verified = true;',
    harm: 'verified although something owned is listed',
  },
  {
    file: 'reaper/sweep.ts',
    from: 'return quietSince !== undefined && clock.now() - quietSince >= listingLagMs;',
    to: 'return true;',
    harm: 'believes the first empty listing of a provider that lags',
  },
  {
    file: 'reaper/sweep.ts',
    from: "if (mode.kind === 'plan') return { ...unreaped, outcome: 'planned' };",
    to: '',
    harm: 'a dry run removes',
  },
  {
    file: 'reaper/sweep.ts',
    from: 'const removable: Selector = (now) => selector(now) && protectionOf(now) === undefined;',
    to: 'const removable: Selector = (now) => selector(now);',
    harm: 'removes what was protected since its listing',
  },
  {
    file: 'reaper/ledger.ts',
    from: 'else if (isGone(entry.settlement)) this.#entries.set(keyOf(resource), { ...entry, reappeared: true });',
    to: 'else if (isGone(entry.settlement)) continue;',
    harm: 'what comes back after its removal is passed over',
  },
  {
    file: 'reaper/retry.ts',
    from: 'if (delay >= deadline.remaining()) throw error;',
    to: '',
    harm: 'waits past the deadline',
  },
  {
    file: 'reaper/retry.ts',
    from: 'retriesConsumed >= policy.retries) throw error;',
    to: 'retriesConsumed > policy.retries) throw error;',
    harm: 'one retry too many',
  },
  {
    file: 'reaper/quota.ts',
    from: '.filter(removable)',
    to: '',
    harm: 'max-containers removes what is not to be removed',
  },
  // the providers' tables of errors
  {
    file: 'providers/docker/errors.ts',
    from: 'if (statusCode === 404) return isAboutResource(json);',
    to: 'if (statusCode === 404) return true;',
    harm: 'a proxy’s 404 counts as gone',
  },
  {
    file: 'providers/docker/errors.ts',
    from: "'EMFILE',",
    to: '',
    harm: 'gives up when descriptors are short for a moment',
  },
  {
    file: 'providers/docker/errors.ts',
    from: 'if (HANGS.test(message)) return PERMANENT;',
    to: '',
    harm: 'tries an unkillable container until the deadline',
  },
  {
    file: 'providers/daytona/errors.ts',
    from: 'new Set([408, 409, 421, 423, 424, 425, 429])',
    to: 'new Set([408, 421, 423, 424, 425, 429])',
    harm: 'gives up on a sandbox that changes its state',
  },
  {
    file: 'providers/daytona/errors.ts',
    from: "if (statusCode === 404) return { kind: 'gone' };",
    to: "if (statusCode === 404 || statusCode === 403) return { kind: 'gone' };",
    harm: 'a key without the right makes everything look gone',
  },
];
