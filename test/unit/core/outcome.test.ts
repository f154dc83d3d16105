import { describe, expect, it } from 'vitest';
import { retryCauseOf } from '../../../src/core/outcome';
import { TimedOut } from '../../../src/lib/errors';

describe('the cause of a retry', () => {
  it.each([
    ['timeout', new TimedOut('stop', 15_000)],
    ['timeout', Object.assign(new Error(), { status: 408 })],
    ['conflict', Object.assign(new Error(), { statusCode: 409 })],
    ['rate_limit', Object.assign(new Error(), { status: 429 })],
    ['server_error', Object.assign(new Error(), { statusCode: 500 })],
    ['server_error', Object.assign(new Error(), { status: 503 })],
    ['network', Object.assign(new Error(), { code: 'ECONNRESET' })],
    ['other', Object.assign(new Error(), { statusCode: 425 })],
  ])('is %s', (cause, error) => {
    expect(retryCauseOf(error)).toBe(cause);
  });
});
