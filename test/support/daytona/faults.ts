import type { RecordedRequest } from './request';

/** What goes wrong with an answer. */
export type FaultKind =
  /** Somebody answers in the API's place. Without `body`, with an error as the API has them. */
  | {
      readonly status: number;
      /** Text as it is, or what is to be sent as JSON. */
      readonly body?: unknown;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection breaks before the answer. */
  | 'reset'
  /** There is no answer, and the connection stays. */
  | 'hang'
  /** The work is done, and the connection breaks in the middle of the answer's body. */
  | 'cut'
  /** The work is done, and the answer stops in the middle of its body; the connection stays. */
  | 'stall'
  /** 200, and a page for people: what a proxy or a portal answers. */
  | 'garbage'
  /** 200, and no body. */
  | 'empty';

/** Which requests go wrong, and how. */
export interface Fault {
  /** All, when absent. */
  readonly method?: string;
  /** All, when absent. */
  readonly path?: RegExp;
  /** Of the requests that fit, counted from 1 since the fault was set: this one, or those that it says yes to. All, when absent. */
  readonly nth?: number | ((nth: number, request: RecordedRequest) => boolean);
  readonly answer: FaultKind;
  /** The work is done all the same, and only its answer is lost. */
  readonly after?: boolean;
}

/** The faults of a server, in the order in which they were set: the first that fits a request is its. All of them count it. */
export class Faults {
  readonly #faults: { readonly fault: Fault; seen: number }[] = [];

  add(fault: Fault): void {
    this.#faults.push({ fault, seen: 0 });
  }

  next(request: RecordedRequest): Fault | undefined {
    let found: Fault | undefined;
    for (const entry of this.#faults) {
      const { method = request.method, path = /^/, nth = () => true } = entry.fault;
      if (method !== request.method || !path.test(request.path)) continue;
      entry.seen += 1;
      const hits = typeof nth === 'number' ? nth === entry.seen : nth(entry.seen, request);
      if (hits) found ??= entry.fault;
    }
    return found;
  }
}
