import { describe, expect, it } from 'vitest';
import { AskedToWait, BrokenAnswer } from '../../../../src/providers/docker/connection/answers';
import { classify, hasStatus, whyUnreachable } from '../../../../src/providers/docker/errors';
import { inUseBy } from '../../../../src/providers/docker/resources/in-use';

const answered = (statusCode: number, message = 'answered') => Object.assign(new Error(message), { statusCode });
const failed = (code: string, message = 'failed') => Object.assign(new Error(message), { code });

describe('an error of the engine', () => {
  it.each([
    [404, 'gone'],
    [409, 'retryable'],
    [429, 'retryable'],
    [500, 'retryable'],
    [502, 'retryable'],
    [503, 'retryable'],
    [504, 'retryable'],
    [304, 'permanent'],
    [400, 'permanent'],
    [401, 'permanent'],
    [403, 'permanent'],
    [405, 'permanent'],
  ])('with status %i is %s', (statusCode, kind) => {
    expect(classify(answered(statusCode))).toEqual({ kind });
  });

  it('about a process that hangs in the kernel is permanent', () => {
    const message = 'cannot kill container: abc: tried to kill container, but did not receive an exit event';
    expect(classify(answered(500, message))).toEqual({ kind: 'permanent' });
  });

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH', 'EAGAIN'])(
    'with the code %s is retryable: the engine restarts',
    (code) => {
      expect(classify(failed(code))).toEqual({ kind: 'retryable' });
    },
  );

  it('that says when to ask again is retryable then', () => {
    expect(classify(new AskedToWait(503, 7_000))).toEqual({ kind: 'retryable', retryAfterMs: 7_000 });
  });

  it('whose answer broke off is retryable', () => {
    expect(classify(new BrokenAnswer('it broke off'))).toEqual({ kind: 'retryable' });
  });

  it.each(['EACCES', 'EPERM', 'ENOTFOUND', 'ERR_INVALID_URL'])('with the code %s is permanent', (code) => {
    expect(classify(failed(code))).toEqual({ kind: 'permanent' });
  });

  it('that says who uses it is permanent, whatever the engine’s status was', () => {
    expect(classify(inUseBy(['web'], answered(409)))).toEqual({ kind: 'permanent' });
  });

  it.each(['socket hang up', 'aborted'])('that says “%s” is retryable', (message) => {
    expect(classify(new Error(message))).toEqual({ kind: 'retryable' });
  });

  it.each([new Error('what?'), 'a string', undefined, null])('that nobody knows (%s) is permanent', (error) => {
    expect(classify(error)).toEqual({ kind: 'permanent' });
  });
});

describe('a status', () => {
  it.each([
    [answered(304), true],
    [answered(404), true],
    [answered(500), false],
    [new Error('none'), false],
    ['304', false],
  ])('is one of 304 and 404: %s', (error, is) => {
    expect(hasStatus(error, 304, 404)).toBe(is);
  });
});

describe('why an engine can’t be reached', () => {
  it.each([
    [failed('ENOENT'), 'nothing is there'],
    [failed('ECONNREFUSED'), 'nothing listens there'],
    [failed('EACCES'), expect.stringMatching(/^permission denied: .*usermod.*docker-host$/)],
    [failed('EPERM'), expect.stringMatching(/^permission denied/)],
    [failed('ENOTFOUND', 'getaddrinfo ENOTFOUND host'), 'getaddrinfo ENOTFOUND host'],
    ['a string', 'a string'],
  ])('is said for %s', (error, why) => {
    expect(whyUnreachable(error)).toEqual(why);
  });
});

describe('what is in use', () => {
  it.each([
    [['web'], 'it is in use by the container web'],
    [['web', 'db'], 'it is in use by the containers web, db'],
    [['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'it is in use by the containers a, b, c, d, e and 2 more'],
  ])('by %j says so, and keeps the engine’s answer', (users, message) => {
    const cause = answered(409);
    expect(inUseBy(users, cause)).toMatchObject({ message, cause });
  });
});
