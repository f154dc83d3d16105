/**
 * Calls `action` once when the signal aborts; at once if it already has.
 * @returns removes the listener: call it when the work is over
 */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) {
    action();
    return () => undefined;
  }
  signal.addEventListener('abort', action, { once: true });
  return () => signal.removeEventListener('abort', action);
}
