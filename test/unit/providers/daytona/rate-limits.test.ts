import { describe, expect, it } from 'vitest';
import { RateLimits, retryAfterIn } from '../../../../src/providers/daytona/rate-limits';

const NOW = Date.UTC(2026, 0, 1);

function headers(bucket: string, limit: number, remaining: number, reset: number): [string, string][] {
  return [
    [`X-RateLimit-Limit-${bucket}`, String(limit)],
    [`x-ratelimit-remaining-${bucket}`, String(remaining)],
    [`x-ratelimit-reset-${bucket}`, String(reset)],
  ];
}

describe('the allowance', () => {
  it('is unknown at first, and asks for no wait', () => {
    expect(new RateLimits().waitMs(true, 100, NOW)).toBe(0);
  });

  it('asks for no wait while there is plenty', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 100, 50, 60), NOW);
    expect(limits.waitMs(false, 0, NOW)).toBe(0);
  });

  it('asks to wait for its reset before it is used up, with something to spare for others', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 100, 2, 60), NOW);
    expect(limits.waitMs(false, 0, NOW + 10_000)).toBe(50_000);
  });

  it('asks to wait for a moment while what is on its way could use up the rest', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 100, 10, 60), NOW);
    expect(limits.waitMs(false, 7, NOW)).toBe(0);
    expect(limits.waitMs(false, 8, NOW)).toBe(250);
  });

  it('is whole again after its reset', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 100, 0, 60), NOW);
    expect(limits.waitMs(false, 0, NOW + 60_000)).toBe(0);
  });

  it('for starting, stopping and deleting binds nothing else', () => {
    const limits = new RateLimits();
    limits.note(headers('sandbox-lifecycle', 100, 0, 60), NOW);
    expect(limits.waitMs(true, 0, NOW)).toBe(60_000);
    expect(limits.waitMs(false, 0, NOW)).toBe(0);
  });

  it('for other requests does not bind starting, stopping and deleting', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 100, 0, 60), NOW);
    expect(limits.waitMs(true, 0, NOW)).toBe(0);
  });

  it('of a name that is unknown binds all', () => {
    const limits = new RateLimits();
    limits.note(headers('organization', 100, 0, 60), NOW);
    expect([limits.waitMs(true, 0, NOW), limits.waitMs(false, 0, NOW)]).toEqual([60_000, 60_000]);
  });

  it('does not grow again by an answer that another has overtaken', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 100, 0, 60), NOW);
    limits.note(headers('authenticated', 100, 50, 60), NOW + 10);
    expect(limits.waitMs(false, 0, NOW)).toBe(60_000);
  });

  it('is what the next window says', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 100, 0, 60), NOW);
    limits.note(headers('authenticated', 100, 99, 60), NOW + 61_000);
    expect(limits.waitMs(false, 0, NOW + 61_000)).toBe(0);
  });

  it('that is full again is not overdrawn by what is on its way', () => {
    const limits = new RateLimits();
    limits.note(headers('authenticated', 10, 0, 60), NOW);
    expect(limits.waitMs(false, 9, NOW + 61_000)).toBe(0);
    expect(limits.waitMs(false, 10, NOW + 61_000)).toBeGreaterThan(0);
  });

  it('is short when a quarter is left after what has to follow', () => {
    const limits = new RateLimits();
    expect(limits.isShort(0, NOW)).toBe(false);
    limits.note(headers('authenticated', 100, 0, 60), NOW);
    expect(limits.isShort(0, NOW)).toBe(false);
    limits.note(headers('sandbox-lifecycle', 100, 40, 60), NOW);
    expect([limits.isShort(14, NOW), limits.isShort(15, NOW), limits.isShort(15, NOW + 61_000)]).toEqual([false, true, false]);
  });

  it('may be told with a time instead of seconds, and without a bucket', () => {
    const limits = new RateLimits();
    const named = headers('', 10, 0, NOW / 1000 + 30).map(([name, value]): [string, string] => [name.replace(/-$/, ''), value]);
    limits.note(named, NOW);
    expect(limits.waitMs(false, 0, NOW)).toBe(30_000);
  });

  it.each([
    [[['x-ratelimit-remaining', '0']]],
    [
      [
        ['x-ratelimit-remaining', 'none'],
        ['x-ratelimit-reset', 'soon'],
      ],
    ],
    [[]],
  ])('is not made up from headers that do not tell: %j', (odd) => {
    const limits = new RateLimits();
    limits.note(odd as [string, string][], NOW);
    expect(limits.waitMs(true, 0, NOW)).toBe(0);
  });
});

describe('when to ask again', () => {
  it.each([
    ['retry-after', '3', 3_000],
    ['Retry-After-sandbox-lifecycle', '60', 60_000],
    ['RETRY-AFTER-authenticated', '1', 1_000],
    ['retry-after', new Date(NOW + 5_000).toUTCString(), 5_000],
  ])('is read from %s: %s', (name, value, ms) => {
    expect(retryAfterIn([[name, value]], NOW)).toBe(ms);
  });

  it('is the longest of several', () => {
    expect(
      retryAfterIn(
        [
          ['retry-after', '1'],
          ['retry-after-sandbox-lifecycle', '9'],
        ],
        NOW,
      ),
    ).toBe(9_000);
  });

  it('is not known without a header that can be read', () => {
    expect(
      retryAfterIn(
        [
          ['retry-after', 'later'],
          ['x-retry-after', '1'],
        ],
        NOW,
      ),
    ).toBeUndefined();
  });
});
