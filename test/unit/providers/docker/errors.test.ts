import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { labels } from '../../../../src/core/labels';
import { InUse } from '../../../../src/core/provider';
import type { Resource } from '../../../../src/core/resource';
import { AskedToWait, BrokenAnswer, Redirected } from '../../../../src/providers/docker/connection/http';
import { classify, hasStatus, isGone, whyUnreachable } from '../../../../src/providers/docker/errors';
import { inUseBy } from '../../../../src/providers/docker/resources/in-use';

const answered = (statusCode: number, message = 'answered', json: unknown = { message }) =>
  Object.assign(new Error(message), { statusCode, json });
const failed = (code: string, message = 'failed') => Object.assign(new Error(message), { code });

/** What the table of status codes says, from 400 on. Between those that are named it goes on as before. */
const RETRYABLE_STATUSES = new Set([408, 409, 423, 425, 429, 499]);
const PERMANENT_FROM_500 = new Set([501, 505, 506, 510, 511]);

describe('an error of the engine', () => {
  it.each(Array.from({ length: 200 }, (_, index) => 400 + index).filter((status) => status !== 404))(
    'with status %i means what the table says',
    (status) => {
      const isRetryable = status < 500 ? RETRYABLE_STATUSES.has(status) : !PERMANENT_FROM_500.has(status);
      expect(classify(answered(status))).toEqual({ kind: isRetryable ? 'retryable' : 'permanent' });
    },
  );

  it.each([301, 302, 304, 307])('with status %i is permanent', (status) => {
    expect(classify(answered(status))).toEqual({ kind: 'permanent' });
  });

  it.each(['No such container: abc', 'network abc not found', 'get abc: no such volume', 'No such image: abc'])(
    'with status 404 that says “%s” is gone',
    (message) => {
      expect(classify(answered(404, message))).toEqual({ kind: 'gone' });
    },
  );

  it.each([
    ['a proxy’s page', '<html>404</html>'],
    ['nothing', Buffer.alloc(0)],
    ['a router that knows no such path', { message: 'page not found' }],
    ['another service', { error: 'not found' }],
  ])('with status 404 of %s says nothing about the resource: it is asked again', (_, json) => {
    expect(classify(answered(404, 'Not Found', json))).toEqual({ kind: 'retryable' });
  });

  it('with status 500 of Podman, about what went meanwhile, is gone', () => {
    expect(isGone(answered(500, 'no such container abc: container has already been removed'))).toBe(true);
    expect(isGone(answered(500, 'cannot connect'))).toBe(false);
  });

  it('about a process that hangs in the kernel is permanent', () => {
    const message = 'cannot kill container: abc: tried to kill container, but did not receive an exit event';
    expect(classify(answered(500, message))).toEqual({ kind: 'permanent' });
  });

  it('of a node that is no manager is permanent, and of a swarm without a leader is not', () => {
    expect(classify(answered(503, 'This node is not a swarm manager. Worker nodes can’t be used'))).toEqual({
      kind: 'permanent',
    });
    const message = 'rpc error: code = Unknown desc = The swarm does not have a leader.';
    expect([500, 503].map((status) => classify(answered(status, message)).kind)).toEqual(['retryable', 'retryable']);
  });

  it('that says when to ask again is retryable then', () => {
    expect(classify(new AskedToWait(503, 7_000))).toEqual({ kind: 'retryable', retryAfterMs: 7_000 });
  });

  it('whose answer broke off is retryable', () => {
    expect(classify(new BrokenAnswer('it broke off'))).toEqual({ kind: 'retryable' });
  });

  it('that leads elsewhere is permanent', () => {
    expect(classify(new Redirected(302))).toEqual({ kind: 'permanent' });
  });

  it.each([new Error('what?'), 'a string', undefined, null])('that is not known (%s) is permanent', (error) => {
    expect(classify(error)).toEqual({ kind: 'permanent' });
  });
});

describe('an error without an answer', () => {
  /** Of this system's errno, those that time mends. The others are rights, addresses, files, or faults of our own. */
  const MENDED = new Set(
    [
      'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ENOTCONN ENOENT ENXIO',
      'EAGAIN EWOULDBLOCK EBUSY ETIMEDOUT EINTR EALREADY',
      'EMFILE ENFILE ENOMEM ENOBUFS EADDRNOTAVAIL EADDRINUSE',
      'EHOSTUNREACH ENETUNREACH ENETDOWN ENETRESET',
    ].flatMap((line) => line.split(' ')),
  );

  it.each(Object.keys(constants.errno).filter((code) => code !== 'EWOULDBLOCK'))('with %s means what the table says', (code) => {
    expect(classify(failed(code))).toEqual({ kind: MENDED.has(code) ? 'retryable' : 'permanent' });
  });

  it.each([
    'EAI_AGAIN',
    'EAI_FAIL',
    'EAI_NODATA',
    'ENOTFOUND',
    'EHOSTDOWN',
    'HPE_INVALID_CONSTANT',
    'ERR_STREAM_PREMATURE_CLOSE',
  ])('with %s is retryable', (code) => {
    expect(classify(failed(code))).toEqual({ kind: 'retryable' });
  });

  it.each(['ERR_INVALID_URL', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'with %s is permanent',
    (code) => {
      expect(classify(failed(code))).toEqual({ kind: 'permanent' });
    },
  );

  it.each(['socket hang up', 'aborted'])('that says “%s” is retryable', (message) => {
    expect(classify(new Error(message))).toEqual({ kind: 'retryable' });
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
  const user = (name: string, own: Readonly<Record<string, string>> = {}): Resource => ({
    provider: 'docker',
    kind: 'container',
    id: `${name}-0123456789abcdef`,
    name,
    state: 'running',
    running: true,
    labels: own,
  });
  const endpoint = { url: 'unix:///my.sock', from: 'a test' };

  it.each([
    [['web'], 'it is in use by the container web'],
    [['web', 'db'], 'it is in use by the containers web, db'],
    [['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'it is in use by the containers a, b, c, d, e and 2 more'],
  ])('by %j says so, and keeps the engine’s answer', (users, message) => {
    const cause = answered(409);
    expect(
      inUseBy(
        users.map((name) => user(name)),
        endpoint,
        { cause },
      ),
    ).toMatchObject({ message, cause });
  });

  it('is permanent whatever the engine’s status was, unless it may only be late', () => {
    expect(classify(inUseBy([user('web')], endpoint, { cause: answered(409) }))).toEqual({ kind: 'permanent' });
    expect(classify(new InUse('by an endpoint', { mayPass: true }))).toEqual({ kind: 'retryable' });
  });

  it('names each user with the command that removes it', () => {
    expect(inUseBy([user('web')], endpoint).holders).toEqual([
      { kind: 'container', name: 'web', command: 'docker --host unix:///my.sock rm --force --volumes web-01234567' },
    ]);
  });

  it('stays where all of its users do', () => {
    const kept = user('kept', { [labels.keep]: 'true' });
    expect(inUseBy([kept], endpoint).keptBecause).toBe(
      `it is in use by the container kept, which stays: it carries ${labels.keep}=true`,
    );
    expect(inUseBy([kept, user('web')], endpoint).keptBecause).toBeUndefined();
  });
});
