import type { LogChunk, LogStream } from '../../../src/core/container-source';

type Stream = LogChunk['stream'];

export const piece = (text: string | Buffer, stream: Stream = 'stdout'): LogChunk => ({
  stream,
  at: 'T',
  bytes: Buffer.from(text),
});
export const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('');

export async function* stream(...texts: readonly string[]): AsyncGenerator<readonly LogChunk[]> {
  for (const text of texts) yield [piece(text)];
}

export async function* breaking(...texts: readonly string[]): AsyncGenerator<readonly LogChunk[]> {
  yield* stream(...texts);
  throw new Error('the connection broke');
}

/** What a test sends when it likes. */
export class Feed {
  readonly #waiting: (() => void)[] = [];
  readonly #pieces: (readonly LogChunk[] | Error | 'end')[] = [];
  taken = 0;
  ends = 0;

  send(...what: readonly (string | Error | 'end' | readonly LogChunk[])[]): this {
    this.#pieces.push(...(what.map((each) => (typeof each === 'string' && each !== 'end' ? [piece(each)] : each)) as never[]));
    for (const wake of this.#waiting.splice(0)) wake();
    return this;
  }

  async *stream(signal?: AbortSignal): AsyncGenerator<readonly LogChunk[]> {
    signal?.addEventListener('abort', () => this.send(new Error('aborted')), { once: true });
    for (;;) {
      const next = this.#pieces.shift();
      if (next === undefined) {
        await new Promise<void>((wake) => this.#waiting.push(wake));
        continue;
      }
      if (next === 'end') this.ends += 1;
      if (next === 'end') return;
      if (next instanceof Error) throw next;
      this.taken += 1;
      yield next;
    }
  }
}

export interface Taken {
  readonly text: string;
  readonly error: unknown;
}

export async function taken(log: LogStream): Promise<Taken> {
  const pieces: LogChunk[] = [];
  try {
    for await (const some of log) pieces.push(...some);
    return { text: textIn(pieces), error: undefined };
  } catch (error) {
    return { text: textIn(pieces), error };
  }
}

export function textIn(pieces: readonly LogChunk[]): string {
  return Buffer.concat(pieces.map(({ bytes }) => bytes)).toString();
}

export const whole = (text: string): Taken => ({ text, error: undefined });
