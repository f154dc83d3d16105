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

/**
 * Waits for work, but not any longer when the signal aborts, even if the work ignores that.
 * @throws the signal's reason, and what `work` throws
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const forget = onAbort(signal, () => reject(signal.reason));
  return Promise.race([work, promise]).finally(forget);
}
