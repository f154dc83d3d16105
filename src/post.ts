import { post } from './action/post';
import { runPhase } from './action/run-phase';
import { systemClock } from './lib/clock';
import { takeLittleMemory } from './lib/memory';

/** Milliseconds. As long as the runner gives the last steps of a cancelled job. */
const MAX_AFTER_FAULT_MS = 5 * 60_000;

takeLittleMemory();
void runPhase(post, { env: process.env, clock: systemClock }, MAX_AFTER_FAULT_MS);
