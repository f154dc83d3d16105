import { main } from './action/main';
import { run } from './action/run-phase';
import { takeLittleMemory } from './lib/memory';

/** Milliseconds. As when the job is cancelled: longer than ending the benchmark takes, which post does otherwise. */
const MOST_AFTER_FAULT_MS = 7_000;

takeLittleMemory();
void run(main, MOST_AFTER_FAULT_MS);
