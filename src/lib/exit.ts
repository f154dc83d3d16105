/** Milliseconds. What is rightly left to do, such as the end of a connection, takes less. */
const MAX_LEFT_OVER_MS = 5_000;

/**
 * Ends this process soon, with its exit code, though something that nobody waits for keeps it alive: a
 * connection whose other side says nothing. Call it when all is done.
 */
export function exitSoon(): void {
  setTimeout(() => process.exit(), MAX_LEFT_OVER_MS).unref();
}
