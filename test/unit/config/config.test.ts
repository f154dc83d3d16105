import { describe, expect, it } from 'vitest';
import { BadSettings, parseConfig, problemLine, type RawSettings, retryPolicy } from '../../../src/config/config';
import { inputName, type SettingKey, settings } from '../../../src/config/settings';
import { RESOURCE_WORDS } from '../../../src/core/resource';

const env = { RUNNER_TEMP: '/runner/temp' };

/** The problems that a parse names; none when it succeeds. */
function problems(raw: RawSettings): readonly string[] {
  try {
    parseConfig(raw, env);
    return [];
  } catch (error) {
    if (error instanceof BadSettings) return error.problems.map((problem) => problemLine(problem));
    throw error;
  }
}

describe('the defaults', () => {
  it('can all be read', () => {
    expect(problems({})).toEqual([]);
  });

  it('are what the contract says', () => {
    expect(parseConfig({}, env)).toMatchObject({
      shell: 'bash',
      docker: 'auto',
      resources: ['container', 'network', 'volume', 'sandbox', ...RESOURCE_WORDS.services, ...RESOURCE_WORDS.pods],
      preCleanup: 'stale',
      maxAge: 86_400_000,
      postCleanup: 'always',
      delay: 0,
      gracePeriod: 5_000,
      stopTimeout: 15_000,
      killTimeout: 5_000,
      removeTimeout: 10_000,
      retries: 3,
      retryDelay: 2_000,
      retryFactor: 2,
      concurrency: 16,
      deadline: 240_000,
      failFast: false,
      failOnError: false,
      dryRun: false,
      reportPath: '/runner/temp/cleanup-action/report.json',
      summary: true,
    });
  });

  it.each<SettingKey>(['run', 'workingDirectory', 'timeout', 'labels', 'namePrefixes', 'dockerHost'])('leave %s unset', (key) => {
    expect(parseConfig({}, env)[key]).toBeUndefined();
  });

  it('hold for what is blank', () => {
    expect(parseConfig({ gracePeriod: ' \n ', labels: '' }, env)).toEqual(parseConfig({}, env));
  });

  it('give way to what is typed, without the space around it', () => {
    expect(parseConfig({ gracePeriod: ' 7s\n', dryRun: 'True' }, env)).toMatchObject({ gracePeriod: 7_000, dryRun: true });
  });
});

describe('an input’s name', () => {
  it.each([
    ['run', 'run'],
    ['gracePeriod', 'grace-period'],
    ['failOnError', 'fail-on-error'],
  ])('of %s is %s', (key, name) => {
    expect(inputName(key)).toBe(name);
  });
});

describe('a value that can’t be read', () => {
  it.each<[SettingKey, string]>([
    ['maxAge', 'soon'],
    ['deadline', '0'],
    ['retries', '-1'],
    ['retryFactor', '0.5'],
    ['concurrency', '0'],
    ['dryRun', 'yes'],
    ['docker', 'maybe'],
    ['preCleanup', 'everything'],
    ['resources', 'cows'],
    ['postCleanup', 'Always'],
    ['shell', 'zsh'],
    ['dockerHost', 'ssh'],
    ['labels', 'team,=eval'],
  ])('of %s is named with what is accepted, in one line', (key, value) => {
    const [line, ...others] = problems({ [key]: value });
    expect(others).toEqual([]);
    expect(line).toMatch(new RegExp(`^${inputName(key)}: .*“?${value}.*; use [^\n]+$`));
    expect(line).toContain(`; use ${settings[key].type.accepts}`);
  });

  it('is named in these words', () => {
    expect(problems({ gracePeriod: 'soon' })).toEqual([
      'grace-period: "soon" can’t be read; use a duration such as 500ms, 5s, 2m, 24h or 7d, or a number of seconds',
    ]);
  });

  it('is named together with all others', () => {
    const named = problems({ gracePeriod: 'soon', dryRun: 'perhaps', run: 'make', concurrency: 'many' });
    expect(named.map((line) => line.split(':')[0])).toEqual(['grace-period', 'concurrency', 'dry-run']);
  });

  it('is shown with its line breaks and escape sequences made visible', () => {
    expect(problems({ shell: 'a\n::error::b\u001b[31m' })[0]).toMatch(/^shell: "a\\n::error::b\\u001b\[31m" can’t be read/);
  });

  it('is cut when it is long', () => {
    const [line = ''] = problems({ deadline: 'x'.repeat(10_000) });
    expect(line).toContain(`"${'x'.repeat(80)}…"`);
    expect(line.length).toBeLessThan(250);
  });

  it.each([
    'tcp://me:hunter2@host:1',
    'ssh://me:hunt/er2@host',
    'https://host/api?token=hunter2',
    'unix:///a\ntcp://:hunter2@host',
  ])('is shown without the password of an address: %s', (dockerHost) => {
    const [message = ''] = problems({ dockerHost });
    expect(message).toContain('://');
    expect(message).not.toMatch(/hunt/);
  });

  it('of a list is cut in its detail, too', () => {
    expect(problems({ labels: `=${'x'.repeat(10_000)}` })[0]?.length).toBeLessThan(500);
  });

  it('of a list is named in one line, though the list has many', () => {
    expect(problems({ labels: 'team\n=eval\ntier' })).toEqual([expect.stringMatching(/^labels: “=eval” has an empty key.*$/)]);
  });
});

describe('the stop timeout', () => {
  it.each([
    { gracePeriod: '5s', stopTimeout: '15s', expected: 15_000 },
    { gracePeriod: '15s', stopTimeout: '15s', expected: 25_000 },
    { gracePeriod: '60s', stopTimeout: '15s', expected: 70_000 },
    { gracePeriod: '14.9s', stopTimeout: '15s', expected: 15_000 },
    { gracePeriod: '0s', stopTimeout: '1s', expected: 1_000 },
  ])('of $stopTimeout with a grace period of $gracePeriod is $expected ms', ({ expected, ...raw }) => {
    expect(parseConfig(raw, env).stopTimeout).toBe(expected);
  });
});

describe('the retry policy', () => {
  it('is what the settings say', () => {
    const config = parseConfig({ retries: '5', retryDelay: '100ms', retryFactor: '1.5' }, env);
    expect(retryPolicy(config)).toEqual({ retries: 5, delayMs: 100, factor: 1.5 });
  });
});
