import type { IncomingHttpHeaders } from 'node:http';

/** A request that reached the server. */
export interface RecordedRequest {
  readonly method: string;
  /** Without `/api` and the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** When it came, in milliseconds since the epoch. */
  readonly at: number;
  /** What was answered; undefined: nothing (yet). */
  readonly status: number | undefined;
}
