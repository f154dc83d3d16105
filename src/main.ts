import { main } from './action/main';
import { runPhase } from './action/run-phase';
import { systemClock } from './lib/clock';
import { takeLittleMemory } from './lib/memory';

/** Milliseconds. Enough to end the benchmark, which post would do otherwise. */
const MAX_AFTER_FAULT_MS = 7_000;

takeLittleMemory();
void runPhase(main, { env: process.env, clock: systemClock }, MAX_AFTER_FAULT_MS);
