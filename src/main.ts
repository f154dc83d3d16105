import { main } from './action/main';
import { run } from './action/run-phase';
import { systemClock } from './lib/clock';
import { takeLittleMemory } from './lib/memory';

/** Milliseconds. As when the job is cancelled: longer than ending the benchmark takes, which post does otherwise. */
const MAX_AFTER_FAULT_MS = 7_000;

takeLittleMemory();
void run(main, { env: process.env, clock: systemClock }, MAX_AFTER_FAULT_MS);
