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
    from: "return kind !== 'sandbox' && shared !== true;",
    to: 'return shared !== true;',
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
    from: 'const verified = owned.every(mayStay);',
    to: 'const verified = true;',
    harm: 'verified although something owned is listed',
  },
  {
    file: 'reaper/sweep.ts',
    from: 'return ms === 0 || (quietSince !== undefined && options.clock.now() - quietSince >= ms);',
    to: 'return true;',
    harm: 'believes the first empty listing of a provider that lags',
  },
  {
    file: 'reaper/sweep.ts',
    from: 'ledger.hasLatecomers ? LATE_MS : 0);',
    to: '0);',
    harm: 'believes the first empty listing although something was created during the sweep',
  },
  {
    file: 'reaper/sweep.ts',
    from: 'ledger.isHeld(resource) || ledger.isOnlyListed(resource);',
    to: 'ledger.isHeld(resource);',
    harm: 'never verified where an engine lists what is not there',
  },
  {
    file: 'reaper/listing.ts',
    from: 'tries === 1 ? FIRST_LIST_TIMEOUT_MS : LIST_TIMEOUT_MS',
    to: 'LIST_TIMEOUT_MS',
    harm: 'one listing that got lost takes half a minute',
  },
  {
    file: 'reaper/listing.ts',
    from: 'tries > 1 && listed.size > 0;',
    to: 'listed.size > 0;',
    harm: 'gives up a kind whose listing got lost once',
  },
  {
    file: 'reaper/listing.ts',
    from: 'tries > 1 && listed.size > 0;',
    to: 'tries > 1;',
    harm: 'gives up an engine that hung twice, and comes back',
  },
  {
    file: 'reaper/listing.ts',
    from: '!(error instanceof TimedOut) && isRetryable(error, provider));',
    to: 'isRetryable(error, provider));',
    harm: 'asks for a kind that hangs until the deadline',
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
    from: '} else if (isGone(entry.settlement)) {',
    to: '} else if (isGone(entry.settlement) && false) {',
    harm: 'what comes back after its removal is passed over',
  },
  {
    file: 'reaper/ledger.ts',
    from: 'this.#hasLatecomers ||= !isFirst && isWorkload(resource.kind);',
    to: '',
    harm: 'takes no last look though something creates while it removes',
  },
  {
    file: 'reaper/ledger.ts',
    from: '!isFirst && isWorkload(resource.kind);',
    to: '!isFirst;',
    harm: 'waits for a last look because of an image that its containers had hidden',
  },
  {
    file: 'reaper/ledger.ts',
    from: 'reappeared: !isOnlyListed(again) });',
    to: 'reappeared: true });',
    harm: 'looks for what is only listed until the deadline',
  },
  {
    file: 'reaper/ledger.ts',
    from: 'isSame ? (entry.contradictions ?? 0) : 0 };',
    to: '(entry.contradictions ?? 0) };',
    harm: 'a new resource with the name of one that is only listed is passed over',
  },
  {
    file: 'reaper/ledger.ts',
    from: 'return contradictions >= MAX_CONTRADICTIONS;',
    to: 'return contradictions >= 1;',
    harm: 'one look is enough to call the list wrong',
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
  {
    file: 'reaper/ladder.ts',
    from: 'error: new Error(why, { cause: end.error }), retryable: false };',
    to: 'error: new Error(why, { cause: end.error }) };',
    harm: 'tries what is known to be stuck until the deadline',
  },
  // room on the disk: which images go
  {
    file: 'reaper/disk-quota.ts',
    from: 'if (freed >= bytes) break;',
    to: '',
    harm: 'removes all unused images for any goal',
  },
  {
    file: 'reaper/disk-quota.ts',
    from: '.filter((image) => !staying.has(image))',
    to: '.filter((image) => !image.stays)',
    harm: 'takes the image that one that stays was made from',
  },
  {
    file: 'reaper/disk-quota.ts',
    from: 'lastUse.get(image)?.lastUse ?? 0',
    to: 'image.lastUse',
    harm: 'a use of an image is none of the one that it was made from',
  },
  {
    file: 'reaper/disk-quota.ts',
    from: 'used(a) - used(b)',
    to: 'used(b) - used(a)',
    harm: 'the images in use last go first',
  },
  {
    file: 'reaper/disk-quota.ts',
    from: 'const order = dependentsFirst(images, madeFrom)',
    to: 'const order = images',
    harm: 'an image goes before what was made from it',
  },
  {
    file: 'reaper/disk-quota.ts',
    from: 'stacks.filter(({ users }) => users > 0);',
    to: 'stacks.filter(() => false);',
    harm: 'counts layers that other images have as freed, and stops too early',
  },
  {
    file: 'reaper/disk-quota.ts',
    from: 'made.every((image) => going.has(image))) going.add(layer);',
    to: 'made.some((image) => going.has(image))) going.add(layer);',
    harm: 'takes the steps of a build that another image needs',
  },
  {
    file: 'phases/disk/room.ts',
    from: "if (isNamedBy(config.keepImages ?? [], image)) return 'spared by keep-images';",
    to: '',
    harm: 'removes what keep-images names',
  },
  {
    file: 'phases/disk/room.ts',
    from: 'stays: this.#refused.has(id) || this.#whyItStays(image) !== undefined,',
    to: 'stays: this.#refused.has(id),',
    harm: 'removes the image that one that is spared was made from',
  },
  {
    file: 'phases/disk/room.ts',
    from: "if (isInUse(image)) return 'used by containers';",
    to: '',
    harm: 'asks the engine to remove the images of containers',
  },
  {
    file: 'phases/disk/room.ts',
    from: "if (protectionOf(image) !== undefined) return 'protected';",
    to: '',
    harm: 'removes an image with the keep label for its room',
  },
  {
    file: 'phases/disk/room.ts',
    from: 'lastUse >= since - CLOCK_TOLERANCE_MS',
    to: 'lastUse < since - CLOCK_TOLERANCE_MS',
    harm: 'removes what a session at work has used since it began',
  },
  {
    file: 'phases/disk/room.ts',
    from: 'isLive || mayBeOthers || this.#last?.noted.has(image.id)',
    to: 'isLive || mayBeOthers',
    harm: 'removes an image that another session’s proxy has noted',
  },
  {
    file: 'phases/disk/goals.ts',
    from: "return goal === 'min-free-disk' ? wanted - now : now - wanted;",
    to: 'return Math.abs(wanted - now);',
    harm: 'goes on removing when there is room',
  },
  // what can't be killed
  {
    file: 'providers/docker/resources/hanging.ts',
    from: '.includes(containerId)',
    to: ".includes('')",
    harm: 'gives a container up because of another’s process',
  },
  {
    file: 'providers/docker/resources/hanging.ts',
    from: 'SLEEPS_IN_KERNEL.test(status) && SIGKILL_PENDING.test(status)',
    to: 'SLEEPS_IN_KERNEL.test(status)',
    harm: 'gives a container up whose process reads from a disk',
  },
  {
    file: 'providers/docker/resources/hanging.ts',
    from: 'SLEEPS_IN_KERNEL.test(status) && SIGKILL_PENDING.test(status)',
    to: 'SIGKILL_PENDING.test(status)',
    harm: 'gives a container up that is about to end',
  },
  {
    file: 'providers/docker/resources/hanging.ts',
    from: '[0-9a-f]*[13579bdf][0-9a-f]{2}$/m;',
    to: '[0-9a-f]*[1-9a-f][0-9a-f]*$/m;',
    harm: 'takes any signal that waits for a SIGKILL',
  },
  // the providers' tables of errors
  {
    file: 'providers/docker/errors.ts',
    from: ': isAboutResource(json);',
    to: ': true;',
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
    from: 'HANGS.test(message) || ',
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
