import type { RequestHead } from './http-head';

/**
 * Asks the server on behalf of the same client. Rejects if no answer comes in time.
 * @returns the parsed body; undefined if it is no JSON
 */
export type Ask = (method: 'GET' | 'POST', target: string, body?: object) => Promise<unknown>;

/**
 * Changes a body.
 * @param json the valid JSON of the body, without content encoding
 * @returns undefined if it is to be sent unchanged
 */
export type Rewrite = (json: Buffer, ask: Ask) => Promise<Buffer | undefined>;

/** What a proxy does with requests to one kind of server. */
export interface Rules {
  /** Returns how to change this request's body; undefined if it passes unchanged. */
  rewriteOf(request: RequestHead): Rewrite | undefined;
  /** Resolves when the request may go on. Never rejects. */
  hold?(request: RequestHead): Promise<void>;
  /** The `Host` field that the server needs, if it differs from the clients'. */
  readonly host?: string;
}
