import { run } from './phases/failure';
import { main } from './phases/main';
import { takeLittleMemory } from './phases/memory';

/** Milliseconds. As when the job is cancelled: longer than ending the benchmark takes, which post does otherwise. */
const MOST_AFTER_FAULT_MS = 7_000;

takeLittleMemory();
void run(main, MOST_AFTER_FAULT_MS);
