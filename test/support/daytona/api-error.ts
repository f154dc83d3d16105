import { STATUS_CODES } from 'node:http';

/** A request that the server refuses. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The one form that all errors of the API have. */
export function errorBody(path: string, statusCode: number, message: string): object {
  return { path, timestamp: new Date().toISOString(), statusCode, error: STATUS_CODES[statusCode] ?? 'Error', message };
}
