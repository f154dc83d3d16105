import type { RequestHead } from './http-head';

/** Asks the server something on the side, on behalf of the same client. Rejects when there is no answer in time. */
export type Ask = (method: 'GET' | 'POST', target: string, body?: object) => Promise<Answer>;

export interface Answer {
  readonly status: number;
  /** The body, parsed; undefined where it is not JSON. */
  readonly json: unknown;
}

/**
 * Makes the body that is sent on instead.
 * @param json the body, without any content encoding; it is valid JSON
 * @returns undefined when it is to be sent as it came
 */
export type Rewrite = (json: Buffer, ask: Ask) => Promise<Buffer | undefined>;

/** What a proxy does with the requests to one kind of server. */
export interface Rules {
  /** How this request's body is changed; undefined for one that only passes. */
  rewriteOf(request: RequestHead): Rewrite | undefined;
  /** Resolves when the request may go on. Never rejects. */
  hold?(request: RequestHead): Promise<void>;
  /** The `Host` field that the server wants, where it is not the one that clients send. */
  readonly host?: string;
}
