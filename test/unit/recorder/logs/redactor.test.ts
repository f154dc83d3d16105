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
});
