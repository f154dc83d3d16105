import { describe, expect, it } from 'vitest';
import { retryCauseOf } from '../../../../src/core/outcome';
import { Unreachable, UnreadableAnswer } from '../../../../src/lib/http-errors';
import {
  AllowanceUsedUp,
  Changing,
  classify,
  DaytonaError,
  HasForks,
  NotDeletable,
  Stuck,
  Undeleted,
  UnusableId,
} from '../../../../src/providers/daytona/errors';

const status = (code: number, retryAfterMs?: number) =>
  new DaytonaError('DELETE /sandbox/a', code, 'says the server', retryAfterMs);
const failed = (code: string) => Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code }) });
const unreachable = (code: string) => new Unreachable('https://api', failed(code));

describe('an error of Daytona’s', () => {
  it.each([
    ['404', status(404), { kind: 'gone' }],
    ['429 with a time', status(429, 60_000), { kind: 'retryable', retryAfterMs: 60_000 }],
    ['503 with a time', status(503, 1_000), { kind: 'retryable', retryAfterMs: 1_000 }],
    ['a change in progress', new Changing('starting', status(409)), { kind: 'retryable' }],
    ['forks that are to go', new HasForks(['a'], true, status(400)), { kind: 'retryable' }],
    ['forks that stay', new HasForks(['a'], false, status(400)), { kind: 'permanent' }],
    ['no progress', new Stuck('stuck'), { kind: 'permanent' }],
    ['a key that may not delete', new NotDeletable('no'), { kind: 'permanent' }],
    ['an allowance used up', new AllowanceUsedUp(5), { kind: 'retryable', retryAfterMs: 5, unsent: true }],
    ['a deletion that Daytona failed at', new Undeleted('x'), { kind: 'permanent' }],
    ['an unusable id', new UnusableId('x'), { kind: 'permanent' }],
    ['an unreadable answer', new UnreadableAnswer('html'), { kind: 'retryable' }],
    ['a refused connection', unreachable('ECONNREFUSED'), { kind: 'retryable' }],
    ['a name that is not found', unreachable('ENOTFOUND'), { kind: 'retryable' }],
    ['a broken connection', unreachable('UND_ERR_SOCKET'), { kind: 'retryable' }],
    ['a certificate that is not trusted', unreachable('DEPTH_ZERO_SELF_SIGNED_CERT'), { kind: 'permanent' }],
    ['an expired certificate', unreachable('CERT_HAS_EXPIRED'), { kind: 'permanent' }],
    ['no TLS', unreachable('ERR_SSL_WRONG_VERSION_NUMBER'), { kind: 'permanent' }],
    ['an unknown error', new Error('?'), { kind: 'permanent' }],
  ])('%s means what it should', (_, error, verdict) => {
    expect(classify(error)).toEqual(verdict);
  });

  const statuses = Array.from({ length: 300 }, (_, index) => 300 + index).filter((code) => code !== 404);
  const passing = [408, 409, 421, 423, 424, 425, 429];
  const lasting = [501, 505, 506, 508, 510, 511];

  it.each(statuses)('with the status %i is retried only where time can mend it', (code) => {
    const retried = passing.includes(code) || (code >= 500 && !lasting.includes(code));
    expect(classify(status(code)).kind).toBe(retried ? 'retryable' : 'permanent');
  });

  it.each([
    'EMFILE',
    'ENFILE',
    'ENOBUFS',
    'ENOMEM',
    'EADDRNOTAVAIL',
    'EAI_AGAIN',
    'ENETUNREACH',
    'EHOSTUNREACH',
    'ETIMEDOUT',
    'EPIPE',
  ])('with the code %s is retried', (code) => {
    expect(classify(unreachable(code)).kind).toBe('retryable');
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
    expect(new Unreachable('https://api', new TypeError('fetch failed', { cause: several })).message).toBe(
      'https://api can’t be reached: ECONNREFUSED',
    );
  });
});
