import { run } from './phases/failure';
import { takeLittleMemory } from './phases/memory';
import { post } from './phases/post';

/** Milliseconds. As long as the runner gives the last steps of a cancelled job. */
const MOST_AFTER_FAULT_MS = 5 * 60_000;

takeLittleMemory();
void run(post, MOST_AFTER_FAULT_MS);
