import { describe, expect, it } from 'vitest';
import { restored, savable } from '../../../src/config/saved';
import { settingKeys } from '../../../src/config/settings';

const everything = Object.fromEntries(settingKeys.map((key) => [key, 'x']));

describe('what main saves', () => {
  it('is everything but secrets and the job’s status, which main can’t know', () => {
    const left = Object.keys(everything).filter((key) => !(key in savable(everything)));
    expect(left).toEqual(['daytonaApiKey', 'jobStatus']);
  });

  it('is as it was typed', () => {
    expect(savable({ deadline: ' 1m', labels: '' })).toEqual({ deadline: ' 1m', labels: '' });
  });
});

describe('what post uses', () => {
  it('are main’s settings, even when the inputs have changed since', () => {
    expect(restored({ labels: 'main' }, { labels: 'post' })).toEqual({ labels: 'main' });
  });

  it('are not the inputs that main did not have', () => {
    expect(restored({}, { labels: 'post' })).toEqual({});
  });

  it.each(['jobStatus', 'daytonaApiKey'])('is %s as it is in post', (key) => {
    expect(restored({ [key]: 'main' }, { [key]: 'post' })).toEqual({ [key]: 'post' });
  });

  it.each(['jobStatus', 'daytonaApiKey'])('is no %s of main’s', (key) => {
    expect(restored({ [key]: 'main' }, {})).toEqual({});
  });
});
