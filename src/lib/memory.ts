import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8 collect garbage early instead of growing: a runner's memory is the benchmark's. By default it takes what a large machine has to
 * give, which for ten thousand sandboxes is several times what is in use. Call it before any work.
 * https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export function takeLittleMemory(): void {
  setFlagsFromString('--optimize-for-size');
}
