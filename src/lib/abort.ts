/**
 * Calls `action` once when the signal aborts, or right now when it already has.
 * @returns a function that takes the listener away: call it when the work is over, or a long-lived signal collects listeners
 */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) {
    action();
    return () => undefined;
  }
  signal.addEventListener('abort', action, { once: true });
  return () => signal.removeEventListener('abort', action);
}
