import { describe, expect, it } from 'vitest';
import { redactor, secretsIn } from '../../../../src/recorder/logs/redactor';

const bytes = (text: string) => Buffer.from(text).toString('latin1');

describe('a secret', () => {
  it.each([
    ['in the middle', 'a token-12345678 b', 'a *** b'],
    ['more than once', 'token-12345678token-12345678', '******'],
    ['not at all', 'token-1234567', 'token-1234567'],
  ])('that stands %s is taken out', (_, text, redacted) => {
    expect(redactor(['token-12345678']).redact(text)).toBe(redacted);
  });

  it('with characters that mean something in patterns is nothing but text', () => {
    expect(redactor(['a.b*c(d[e\\f']).redact('a.b*c(d[e\\f and axb*c(d[e\\f')).toBe('*** and axb*c(d[e\\f');
  });

  it('that is the beginning of another leaves nothing of that', () => {
    expect(redactor(['12345678', '1234567890']).redact('1234567890')).toBe('***');
  });

  it('with several lines is taken out line by line', () => {
    expect(redactor(['first-line\nsecond-line']).redact('x second-line y')).toBe('x *** y');
  });

  it('that is no ASCII is taken out of the bytes', () => {
    expect(redactor(['pässwörter']).redact(bytes('x pässwörter y'))).toBe('x *** y');
  });

  it('shorter than eight characters is a word like others', () => {
    expect(redactor(['secret', '']).redact('no secret here')).toBe('no secret here');
  });
});

describe('the environment', () => {
  it('has secrets in variables whose names say so', () => {
    const env = { API_KEY: 'k', GITHUB_TOKEN: 't', 'INPUT_DAYTONA-API-KEY': 'i', db_password: 'p', MY_SECRET: 's', PATH: '/bin' };
    expect(secretsIn(env)).toEqual(['k', 't', 'i', 'p', 's']);
  });

  it.each([
    ...['GH_PAT', 'GITHUB_PATS', 'AZURE_DEVOPS_EXT_PAT', 'DB_PASS', 'PGPASS', 'SSHPASS', 'pgpassword', 'MYSQL_PWD', 'AUTH'],
    ...['REDISCLI_AUTH', 'NPM_CONFIG__AUTH', 'DOCKER_AUTH_CONFIG', 'SLACK_WEBHOOK', 'SLACK_WEBHOOK_URL', 'SENTRY_DSN', 'DSN'],
    ...[
      'REGISTRY_TOKEN_RO',
      'GHTOKEN',
      'OPENAI_API_KEY_2',
      'OPENAI_APIKEY',
      'AWS_ACCESS_KEY_ID',
      'MY_SECRET_VALUE',
      'SIGNING_KEYS',
    ],
    ...['CI_JWT', 'SESSION_COOKIE', 'KEY', 'INPUT_DAYTONA-API-KEY', 'API_KEY2', 'AZURE_STORAGE_CONNECTION_STRING', 'PG_CONNSTR'],
  ])('has a secret in %s', (name) => {
    expect(secretsIn({ [name]: 'value' })).toEqual(['value']);
  });

  it.each([
    ...['PATH', 'PATTERN', 'GIT_AUTHOR_NAME', 'XAUTHORITY', 'KEYBOARD', 'MONKEY', 'PWD', 'OLDPWD', 'PASSED'],
    ...['RUNNER_NAME', 'GITHUB_REPOSITORY', 'HOME', 'DISPATCH', 'PASSAGE', 'CONNECTION_STRATEGY', 'AUTH0X'],
  ])('has none in %s', (name) => {
    expect(secretsIn({ [name]: 'value' })).toEqual([]);
  });

  it.each([
    ['DATABASE_URL', 'postgres://me:hunter2-hunter2@db:5432/bench', ['hunter2-hunter2']],
    ['REDIS', 'redis://:hunter2-hunter2@cache', ['hunter2-hunter2']],
    ['BOTH', 'http://a:one-password@x http://b:two-password@y', ['one-password', 'two-password']],
    ['HOMEPAGE', 'https://example.com:8080/a@b', []],
    ['REMOTE', 'ssh://git@github.com/o/r', []],
  ])('has the password of an address in it as a secret: %s=%s', (name, value, secrets) => {
    expect(secretsIn({ [name]: value })).toEqual(secrets);
  });
});
