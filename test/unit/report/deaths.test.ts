import { describe, expect, it } from 'vitest';
import { askedSentence, failuresIn, hasUnknownEnd, wasAsked } from '../../../src/report/deaths';
import { death } from '../../support/report/sample';

describe('a death', () => {
  it.each([
    ['with an error', 1, death({ exitCode: 3 })],
    ['without a known end', 0, death({ exitCode: null })],
    ['without an error', 0, death({ exitCode: 0 })],
    ['by SIGKILL', 1, death({ exitCode: 137 })],
    ['by SIGKILL that someone asked for', 0, death({ exitCode: 137, asked: true })],
    ['with an error, after someone asked it to end', 0, death({ exitCode: 1, asked: true })],
    ['for want of memory', 1, death({ exitCode: 137, oomKilled: true })],
    ['for want of memory, though someone asked it to end', 1, death({ exitCode: 137, oomKilled: true, asked: true })],
  ])('%s is %i failure', (_, failures, made) => {
    expect(failuresIn([made])).toHaveLength(failures);
  });

  it.each([
    [true, death({ exitCode: null })],
    [false, death({ exitCode: null, asked: true })],
    [false, death({ exitCode: null, oomKilled: true })],
    [false, death({ exitCode: 0 })],
  ])('is unknown: %s', (isUnknown, made) => {
    expect(hasUnknownEnd(made)).toBe(isUnknown);
  });
});

describe('a container', () => {
  it('that failed several times is one failure, with its last end', () => {
    const [failure, ...others] = failuresIn([death({ exitCode: 1 }), death({ id: 'b' }), death({ exitCode: 2 })]).toReversed();
    expect({ failure, others: others.length }).toEqual({ failure: { last: death({ exitCode: 2 }), times: 2 }, others: 1 });
  });

  it('that was asked to end after it had failed is a failure', () => {
    const deaths = [death({ exitCode: 1 }), death({ exitCode: 137, asked: true })];
    expect([failuresIn(deaths), deaths.filter(wasAsked).length]).toEqual([[{ last: deaths[0], times: 1 }], 1]);
  });
});

describe('the sentence about containers that were asked to end', () => {
  it.each([
    [1, '1 container was asked to stop (docker stop, compose down): it does not count as failed.'],
    [500, '500 containers were asked to stop (docker stop, compose down): they do not count as failed.'],
  ])('counts %i', (number, sentence) => {
    expect(askedSentence(number)).toBe(sentence);
  });
});
