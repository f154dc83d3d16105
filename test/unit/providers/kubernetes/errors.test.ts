import { describe, expect, it } from 'vitest';
import { Unreachable, UnreadableAnswer } from '../../../../src/lib/http-errors';
import { classify, hasStatus, isNotFound, KubernetesError, NoCredentials } from '../../../../src/providers/kubernetes/errors';

const answered = (status: number, says = 'it says so', more: { reason?: string; retryAfterMs?: number } = {}) =>
  new KubernetesError('DELETE pods', status, says, more);

const failed = (code: string, message = 'failed') => Object.assign(new Error(message), { code });

/** What the table of statuses says. */
const RETRYABLE = new Set([408, 409, 410, 425, 429]);
const PERMANENT_FROM_500 = new Set([501, 505, 506, 508, 510, 511]);

describe('an answer of the API', () => {
  it.each(Array.from({ length: 300 }, (_, index) => 300 + index).filter((status) => status !== 404))(
    'with status %i means what the table says',
    (status) => {
      const isRetryable = status < 500 ? RETRYABLE.has(status) : !PERMANENT_FROM_500.has(status);
      expect(classify(answered(status))).toEqual({ kind: isRetryable ? 'retryable' : 'permanent' });
    },
  );

  it('that its object is not found means gone; a proxy’s 404 does not', () => {
    const [its, proxys] = [answered(404, 'pods "a" not found', { reason: 'NotFound' }), answered(404, '<html>Not Found</html>')];
    expect(classify(its)).toEqual({ kind: 'gone' });
    expect(classify(proxys)).toEqual({ kind: 'retryable' });
    expect([isNotFound(its), isNotFound(proxys), isNotFound(new Error('pods "a" not found'))]).toEqual([true, false, false]);
  });

  it('that it does not have such a path, or knows no such kind, does not pass', () => {
    expect(classify(answered(404, '404 page not found'))).toEqual({ kind: 'permanent' });
    expect(classify(answered(404, 'the server could not find it', { reason: 'Unknown' }))).toEqual({ kind: 'permanent' });
  });

  it('with another status is not gone, whatever its reason is', () => {
    expect(classify(answered(403, 'no', { reason: 'NotFound' })).kind).toBe('permanent');
  });

  it('that says when to ask again is asked then', () => {
    expect(classify(answered(429, 'busy', { retryAfterMs: 3_000 }))).toEqual({ kind: 'retryable', retryAfterMs: 3_000 });
    expect(classify(answered(503, 'busy', { retryAfterMs: 0 }))).toEqual({ kind: 'retryable', retryAfterMs: 0 });
  });

  it('that a server gives which has not read its roles yet is asked for again; another refusal is not', () => {
    const starting = 'pods is forbidden: User "a" cannot list: RBAC: [clusterrole.rbac.authorization.k8s.io "view" not found]';
    expect(classify(answered(403, starting, { reason: 'Forbidden' }))).toEqual({ kind: 'retryable' });
    expect(classify(answered(403, 'pods "not found" is forbidden', { reason: 'Forbidden' }))).toEqual({ kind: 'permanent' });
  });

  it('reads alike for all objects, and is known by its status', () => {
    expect(answered(409, 'changed').message).toBe('DELETE pods: 409 changed');
    expect([hasStatus(answered(409), 404, 409), hasStatus(answered(410), 409), hasStatus(failed('409'), 409)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('that can’t be read is asked for again; missing credentials, and what is no error of the cluster, are not', () => {
    expect(classify(new UnreadableAnswer('GET pods: the answer is not JSON'))).toEqual({ kind: 'retryable' });
    expect(classify(new NoCredentials('the plugin failed'))).toEqual({ kind: 'permanent' });
    expect(classify(new TypeError('no'))).toEqual({ kind: 'permanent' });
    expect(classify('no error at all')).toEqual({ kind: 'permanent' });
  });
});

describe('a server that can’t be reached', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN'])(
    'by %s may come back',
    (code) => {
      expect(classify(new Unreachable('https://c', failed(code)))).toEqual({ kind: 'retryable' });
    },
  );

  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_INVALID_URL',
  ])('by %s stays so', (code) => {
    expect(classify(new Unreachable('https://c', failed(code)))).toEqual({ kind: 'permanent' });
  });

  it('is told with the root of it: the innermost cause, and the first of several addresses', () => {
    const several = new AggregateError([failed('ECONNREFUSED'), failed('ENETUNREACH')], '');
    const wrapped = new Error('request failed', { cause: new Error('proxy failed', { cause: several }) });
    const error = new Unreachable('https://c:6443', wrapped);
    expect(error.message).toBe('https://c:6443 can’t be reached: ECONNREFUSED');
    expect(error.code).toBe('ECONNREFUSED');
    expect(error.cause).toBe(wrapped);
  });

  it('is told with a message where there is no code', () => {
    expect(new Unreachable('https://c', new Error('socket hang up')).message).toBe('https://c can’t be reached: socket hang up');
    expect(classify(new Unreachable('https://c', new Error('socket hang up')))).toEqual({ kind: 'retryable' });
  });
});
