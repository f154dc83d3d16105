import { describe, expect, it, vi } from 'vitest';
import { restored, savable } from '../../../src/config/saved';
import { settingKeys } from '../../../src/config/settings';

// A secret of the test's own: what holds for it holds for every provider's key.
vi.mock('../../../src/config/settings', async (original) => {
  const table = await original<typeof import('../../../src/config/settings')>();
  const settings = { ...table.settings, testKey: { ...table.settings.run, secret: true } };
  return { ...table, settings, settingKeys: Object.keys(settings) };
});

const everything = Object.fromEntries(settingKeys.map((key) => [key, 'x']));

describe('what main saves', () => {
  it('is everything but secrets and the job’s status, which main can’t know', () => {
    expect(Object.keys(everything)).toContain('testKey');
    const left = Object.keys(everything).filter((key) => !(key in savable(everything)));
    expect(left).toEqual(['jobStatus', 'testKey']);
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

  it.each(['jobStatus', 'testKey'])('is %s as it is in post', (key) => {
    expect(restored({ [key]: 'main' }, { [key]: 'post' })).toEqual({ [key]: 'post' });
  });

  it.each(['jobStatus', 'testKey'])('is no %s of main’s', (key) => {
    expect(restored({ [key]: 'main' }, {})).toEqual({});
  });
});
