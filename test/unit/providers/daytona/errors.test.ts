import { describe, expect, it } from 'vitest';
import { retryCauseOf } from '../../../../src/core/retry-cause';
import {
  AllowanceUsedUp,
  Changing,
  classify,
  DaytonaError,
  DaytonaUnreachable,
  HasForks,
  NotDeletable,
  Stuck,
  UnreadableAnswer,
} from '../../../../src/providers/daytona/errors';

const status = (code: number, retryAfterMs?: number) =>
  new DaytonaError('DELETE /sandbox/a', code, 'says the server', retryAfterMs);
const failed = (code: string) => Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code }) });
const unreachable = (code: string) => new DaytonaUnreachable('https://api', failed(code));

describe('an error of Daytona’s', () => {
  it.each([
    ['404', status(404), { kind: 'gone' }],
    ['400', status(400), { kind: 'permanent' }],
    ['401', status(401), { kind: 'permanent' }],
    ['403', status(403), { kind: 'permanent' }],
    ['408', status(408), { kind: 'retryable' }],
    ['409', status(409), { kind: 'retryable' }],
    ['429', status(429), { kind: 'retryable' }],
    ['429 with a time', status(429, 60_000), { kind: 'retryable', retryAfterMs: 60_000 }],
    ['500', status(500), { kind: 'retryable' }],
    ['503 with a time', status(503, 1_000), { kind: 'retryable', retryAfterMs: 1_000 }],
    ['a change in progress', new Changing('starting', status(409)), { kind: 'retryable' }],
    ['forks that are to go', new HasForks(['a'], true, status(400)), { kind: 'retryable' }],
    ['forks that stay', new HasForks(['a'], false, status(400)), { kind: 'permanent' }],
    ['no progress', new Stuck('stuck'), { kind: 'permanent' }],
    ['a key that may not delete', new NotDeletable('no'), { kind: 'permanent' }],
    ['an allowance used up', new AllowanceUsedUp(5), { kind: 'retryable', retryAfterMs: 5, unsent: true }],
    ['a bad answer', new UnreadableAnswer('html'), { kind: 'retryable' }],
    ['a refused connection', unreachable('ECONNREFUSED'), { kind: 'retryable' }],
    ['a name that is not found', unreachable('ENOTFOUND'), { kind: 'retryable' }],
    ['a broken connection', unreachable('UND_ERR_SOCKET'), { kind: 'retryable' }],
    ['a certificate that is not trusted', unreachable('DEPTH_ZERO_SELF_SIGNED_CERT'), { kind: 'permanent' }],
    ['an expired certificate', unreachable('CERT_HAS_EXPIRED'), { kind: 'permanent' }],
    ['what nobody knows', new Error('?'), { kind: 'permanent' }],
  ])('%s means what it should', (_, error, verdict) => {
    expect(classify(error)).toEqual(verdict);
  });

  it.each([
    [new Changing('starting', status(409)), 'conflict'],
    [new AllowanceUsedUp(5), 'rate_limit'],
    [status(429), 'rate_limit'],
    [status(503), 'server_error'],
    [unreachable('ECONNRESET'), 'network'],
  ])('counts among the retries as what it is: %s', (error, cause) => {
    expect(retryCauseOf(error)).toBe(cause);
  });

  it('says what was asked for, and what the server said', () => {
    expect(status(409).message).toBe('DELETE /sandbox/a: 409 says the server');
  });

  it('that came with no answer names the innermost reason', () => {
    const several = new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]);
    expect(new DaytonaUnreachable('https://api', new TypeError('fetch failed', { cause: several })).message).toBe(
      'https://api can’t be reached: ECONNREFUSED',
    );
  });
});
