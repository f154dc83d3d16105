import { systemClock } from '../lib/clock';
import { openLifetimes } from '../providers/daytona/lifetimes';
import { NAME } from '../providers/daytona/sandboxes';
import type { Renew } from '../proxy/renewal';
import { noteWarning, RenewalNotes } from './renewal-notes';
import { renewLifetimes } from './sandbox-ttl';

/** Runs `sandbox-ttl` beside later steps, in the proxy’s process. */
export const renewSession: Renew = ({ sessionId, ttlMs, notes }, access, signal) =>
  renewLifetimes({
    connections: [{ name: NAME, lifetimes: openLifetimes(access, systemClock) }],
    renewed: new RenewalNotes(notes),
    sessionId,
    ttlMs,
    clock: systemClock,
    log: { warning: (line) => noteWarning(notes, line) },
    signal,
  });
