import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as types from '../../../src/config/types';
import { RESOURCE_WORDS } from '../../../src/core/resource';
import type { Environment } from '../../../src/lib/environment';

/** What a type makes of a text; `refused` when it takes it for none of its own. */
function read<T>(type: types.SettingType<T>, text: string, env: Environment = {}): T | 'refused' {
  try {
    return type.parse(text, env) ?? 'refused';
  } catch (error) {
    if (error instanceof types.InvalidValue) return 'refused';
    throw error;
  }
}

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['5s', 5_000],
    ['2m', 120_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['5', 5_000],
    ['1.5s', 1_500],
    ['0.5h', 1_800_000],
    ['0', 0],
    ['0s', 0],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(read(types.duration, text)).toBe(milliseconds);
  });

  it.each(['soon', '5 s', '5S', '5w', '5s5', '-5s', '+5', '.5s', '5.', '1e3', 'Infinity', 'NaN', '5s\n6s', '9'.repeat(200)])(
    'is not %s',
    (text) => {
      expect(read(types.duration, text)).toBe('refused');
    },
  );

  it.each(['0', '0s', '0.0ms'])('that must not be zero is not %s', (text) => {
    expect(read(types.positiveDuration, text)).toBe('refused');
  });
});

describe('a boolean', () => {
  it.each(['true', 'True', 'TRUE'])('%s is true', (text) => {
    expect(read(types.boolean, text)).toBe(true);
  });

  it.each(['false', 'False', 'FALSE'])('%s is false', (text) => {
    expect(read(types.boolean, text)).toBe(false);
  });

  it.each(['yes', 'no', 'on', '1', '0', 'tRUE', 'true false'])('is not %s', (text) => {
    expect(read(types.boolean, text)).toBe('refused');
  });

  it.each([
    ['auto', 'auto'],
    ['True', true],
    ['false', false],
    ['maybe', 'refused'],
  ])('or auto: %s', (text, value) => {
    expect(read(types.autoOrBoolean, text)).toBe(value);
  });
});

describe('a number', () => {
  it.each([
    ['1', 1],
    ['007', 7],
    ['0', 'refused'],
    ['-1', 'refused'],
    ['1.5', 'refused'],
    ['1e3', 'refused'],
    ['0x10', 'refused'],
    ['9007199254740993', 'refused'],
  ])('that is whole and at least 1: %s', (text, value) => {
    expect(read(types.integer(1), text)).toBe(value);
  });

  it.each([
    ['1', 1],
    ['1.5', 1.5],
    ['0.9', 'refused'],
    ['-2', 'refused'],
    ['2,5', 'refused'],
    ['9'.repeat(400), 'refused'],
  ])('that is at least 1: %s', (text, value) => {
    expect(read(types.number(1), text)).toBe(value);
  });
});

describe('a choice', () => {
  it.each([
    ['stale', 'stale'],
    ['Stale', 'refused'],
    ['toString', 'refused'],
  ])('of none and stale: %s', (text, value) => {
    expect(read(types.choice('none', 'stale'), text)).toBe(value);
  });
});

describe('lines', () => {
  it('are trimmed, and empty ones do not count', () => {
    expect(read(types.lines, 'a\r\n  b c \n\n\t\nd')).toEqual(['a', 'b c', 'd']);
  });
});

describe('label filters', () => {
  it.each([
    ['a key alone', 'team', [[{ key: 'team' }]]],
    ['key and value', 'team=eval', [[{ key: 'team', value: 'eval' }]]],
    ['a value that is empty', 'team=', [[{ key: 'team', value: '' }]]],
    ['a value with an equals sign', 'a=b=c', [[{ key: 'a', value: 'b=c' }]]],
    ['all of a line', 'team=eval, tier', [[{ key: 'team', value: 'eval' }, { key: 'tier' }]]],
    ['one of the lines', 'team\n\ntier', [[{ key: 'team' }], [{ key: 'tier' }]]],
    ['a comma in a value', 'team=a\\,b,tier', [[{ key: 'team', value: 'a,b' }, { key: 'tier' }]]],
    ['a wildcard in a value', 'team=bench-*', [[{ key: 'team', value: 'bench-*' }]]],
  ])('take %s', (_, text, filters) => {
    expect(read(types.labelFilters, text)).toEqual(filters);
  });

  it.each(['=eval', 'team,', ',team', 'team,,tier', ' = ', ','])(
    'refuse an empty key, which could match everything: %s',
    (text) => {
      expect(read(types.labelFilters, text)).toBe('refused');
    },
  );
});

describe('what can match everything', () => {
  it.each(['*', 'team=*', 'team=**', 'te*=eval', 'tier=gpu,team=*'])('is refused as a label filter: %s', (text) => {
    expect(read(types.labelFilters, text)).toBe('refused');
  });

  it.each(['*', '**', 'task-\n*'])('is refused as a name’s prefix: %j', (text) => {
    expect(read(types.namePrefixes, text)).toBe('refused');
  });

  it('is not a prefix with something beside the wildcard', () => {
    expect(read(types.namePrefixes, 'sweb.eval.*.run-17\n*-bench')).toEqual(['sweb.eval.*.run-17', '*-bench']);
  });
});

describe('kinds of resources', () => {
  it.each([
    ['by spaces', 'containers networks', ['container', 'network']],
    ['by lines', 'containers\n  images\r\nvolumes', ['container', 'image', 'volume']],
    ['in any number', 'sandboxes', ['sandbox']],
    ['once each', 'images images', ['image']],
    ['with what makes pods again', 'pods', RESOURCE_WORDS.pods],
    ['with custom resources', 'claims sandboxes.agents.x-k8s.io', ['claim', 'sandboxes.agents.x-k8s.io']],
  ])('are distinguished %s', (_, text, kinds) => {
    expect(read(types.resourceKinds, text)).toEqual(kinds);
  });

  it.each(['container', 'containers cows', 'pod', 'a..b', '-a.b', 'A.b', 'containers,networks', 'toString'])(
    'cannot be %s',
    (text) => {
      expect(read(types.resourceKinds, text)).toBe('refused');
    },
  );
});

describe('a path', () => {
  it.each<[string, string, Environment]>([
    ['the runner’s temporary directory', '/runner/temp/x', { RUNNER_TEMP: '/runner/temp', TMPDIR: '/var/tmp' }],
    ['the system’s outside a runner', '/var/tmp/x', { TMPDIR: '/var/tmp' }],
    ['/tmp where nothing is said', '/tmp/x', { RUNNER_TEMP: '' }],
    ['a directory with a dollar sign as it is', '/a$&b/x', { RUNNER_TEMP: '/a$&b' }],
  ])('names %s with $RUNNER_TEMP', (_, path, env) => {
    expect(read(types.path, '$RUNNER_TEMP/x', env)).toBe(path);
  });
});

describe('a shell', () => {
  it.each(['bash', 'sh', 'pwsh', 'python', 'perl {0}'])('can be %s', (text) => {
    expect(read(types.shell, text)).toBe(text);
  });

  it.each(['zsh', 'bash -e', 'constructor'])('cannot be %s', (text) => {
    expect(read(types.shell, text)).toBe('refused');
  });
});

describe('an endpoint', () => {
  it.each([
    'unix:///var/run/docker.sock',
    'npipe:////./pipe/docker_engine',
    'tcp://host:2375',
    'tcp://[::1]:2376',
    'https://host',
    'ssh://host',
    'ssh://ci-user@build_1.example.org:2222',
    'ssh://[::1]',
  ])('can be %s', (text) => {
    expect(read(types.endpoint, text)).toBe(text);
  });

  it.each([
    '/var/run/docker.sock',
    'unix://',
    'unix://relative',
    'tcp://',
    'tcp://user:password@host',
    'file:///etc/passwd',
    'x unix:///a',
    'ssh://',
    'ssh://-oProxyCommand=id',
    'ssh://-l@host',
    'ssh://user:password@host',
  ])('cannot be %s', (text) => {
    expect(read(types.endpoint, text)).toBe('refused');
  });

  it('stands on a line of its own where there are several; the same twice is one', () => {
    const text = 'unix:///a.sock\n\n  tcp://host:2375 \nunix:///a.sock';
    expect(read(types.endpoints, text)).toEqual(['unix:///a.sock', 'tcp://host:2375']);
  });

  it('that is bad is named among the others', () => {
    expect(() => types.endpoints.parse('unix:///a.sock\n/b.sock', {})).toThrow('“/b.sock” is not an engine’s endpoint');
  });
});

describe('whatever is typed', () => {
  const all = Object.entries(types).flatMap(([name, type]) =>
    typeof type === 'object' && 'parse' in type ? [[name, type as types.SettingType<unknown>] as const] : [],
  );
  const fragments = fc.constantFrom(
    '*',
    ',',
    '=',
    '\\',
    '\n',
    '\r',
    '://',
    '%',
    'unix://',
    'tcp://',
    '${',
    '{0}',
    '[',
    '-',
    '0',
    's',
  );
  const typed = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(fragments, fc.string())).map((parts) => parts.join('')),
  );

  it.each(all)('%s takes it, or refuses it in one line', (_, type) => {
    fc.assert(
      fc.property(typed, (value) => {
        try {
          type.parse(value, {});
        } catch (error) {
          expect(error).toBeInstanceOf(types.InvalidValue);
          expect((error as Error).message).not.toMatch(/[\n\r]/);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('an amount of disk space', () => {
  it.each([
    ['50GiB', { bytes: 50 * 2 ** 30 }],
    ['2TB', { bytes: 2e12 }],
    ['0', { bytes: 0 }],
    ['40%', { share: 0.4 }],
    ['2.5 %', { share: 0.025 }],
    ['100%', { share: 1 }],
    ['101%', undefined],
    ['-1%', undefined],
    ['%', undefined],
    ['much', undefined],
  ])('%s', (text, expected) => {
    expect(types.space.parse(text, {})).toEqual(expected);
  });
});

it('the names of images to keep are globs, but none that matches all', () => {
  expect(types.imageGlobs.parse('python:*\n\n ghcr.io/team/* ')).toEqual(['python:*', 'ghcr.io/team/*']);
  expect(() => types.imageGlobs.parse('python\n*')).toThrow('“*” matches every image');
});
