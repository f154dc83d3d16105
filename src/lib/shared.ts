import { onAbort } from './abort';

interface Running<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Does work once for all who ask for it at the same time. It ends when the last of them gives up. */
export class Shared<T> {
  readonly #running = new Map<string, Running<T>>();

  /**
   * @param key names the work
   * @throws the signal's reason when it aborts first
   */
  get(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const running = this.#running.get(key) ?? this.#start(key, work);
    running.waiting += 1;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const forget = onAbort(signal, () => {
      running.waiting -= 1;
      if (running.waiting === 0) this.#end(key, running, signal.reason);
      reject(signal.reason);
    });
    running.result.then(resolve, reject).finally(forget);
    return promise;
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController();
    const running: Running<T> = { result: work(controller.signal), controller, waiting: 0 };
    this.#running.set(key, running);
    const forget = () => this.#forget(key, running);
    running.result.then(forget, forget);
    return running;
  }

  #end(key: string, running: Running<T>, reason: unknown): void {
    this.#forget(key, running);
    running.controller.abort(reason);
  }

  #forget(key: string, running: Running<T>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}
