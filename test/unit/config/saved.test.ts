import { describe, expect, it } from 'vitest';
import { parseAccepted, restored, savable } from '../../../src/config/saved';
import { settingKeys } from '../../../src/config/settings';

const everything = Object.fromEntries(settingKeys.map((key) => [key, 'x']));

describe('what main saves', () => {
  it('is everything but secrets and the job’s status, which main can’t know', () => {
    const left = Object.keys(everything).filter((key) => !(key in savable(everything)));
    expect(left).toEqual(['daytonaApiKey', 'githubToken', 'jobStatus']);
  });

  it('is as it was typed', () => {
    expect(savable({ deadline: ' 1m', labels: '' })).toEqual({ deadline: ' 1m', labels: '' });
  });
});

describe('settings that main has accepted', () => {
  it('are read as they are', () => {
    expect(parseAccepted({ gracePeriod: '7s' }, { gracePeriod: '9s' }, {}).gracePeriod).toBe(7_000);
  });

  it('give way to the input one by one where this version can’t read them', () => {
    const saved = { gracePeriod: 'as long as it takes', retries: '5', postCleanup: 'on-full-moon' };
    const config = parseAccepted(saved, { gracePeriod: '9s', retries: '1', postCleanup: 'never' }, {});
    expect(config).toMatchObject({ gracePeriod: 9_000, retries: 5, postCleanup: 'never' });
  });

  it('give way to the default where the input can’t be read either', () => {
    const config = parseAccepted({ gracePeriod: 'soon', retries: '5' }, { gracePeriod: 'later' }, {});
    expect(config).toMatchObject({ gracePeriod: 5_000, retries: 5 });
  });
});

describe('what post uses', () => {
  it('are main’s settings, even when the inputs have changed since', () => {
    expect(restored({ labels: 'main' }, { labels: 'post' })).toEqual({ labels: 'main' });
  });

  it('are not the inputs that main had nothing for', () => {
    expect(restored({ labels: '' }, { labels: 'post' })).toEqual({ labels: '' });
  });

  it('are the inputs for a setting that main did not save', () => {
    expect(restored({}, { labels: 'post' })).toEqual({ labels: 'post' });
  });

  it.each(['jobStatus', 'daytonaApiKey'])('is %s as it is in post', (key) => {
    expect(restored({ [key]: 'main' }, { [key]: 'post' })).toEqual({ [key]: 'post' });
  });

  it.each(['jobStatus', 'daytonaApiKey'])('is no %s of main’s', (key) => {
    expect(restored({ [key]: 'main' }, {})).toEqual({});
  });
});
