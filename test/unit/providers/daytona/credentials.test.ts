import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../../src/config/config';
import { credentials, daytonaSecrets, NoKey } from '../../../../src/providers/daytona/credentials';
import { Curl } from '../../../../src/providers/daytona/curl';

const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

function found(settings: { daytonaApiKey?: string; daytonaOrganizationId?: string }, env: Record<string, string> = {}) {
  return credentials(parseConfig(settings, {}), env);
}

describe('the key', () => {
  it('is the setting’s first', () => {
    const env = { DAYTONA_API_KEY: 'b', DAYTONA_JWT_TOKEN: JWT };
    expect(found({ daytonaApiKey: 'a' }, env)).toEqual({ token: 'a', from: 'daytona-api-key' });
  });

  it('is the environment’s next', () => {
    expect(found({}, { DAYTONA_API_KEY: ' b\n' })).toEqual({ token: 'b', from: 'DAYTONA_API_KEY' });
  });

  it('may be a JWT, which needs an organization', () => {
    const env = { DAYTONA_JWT_TOKEN: JWT, DAYTONA_ORGANIZATION_ID: 'org-1' };
    expect(found({}, env)).toEqual({ token: JWT, from: 'DAYTONA_JWT_TOKEN', organizationId: 'org-1' });
    expect(found({ daytonaOrganizationId: 'org-2' }, env).organizationId).toBe('org-2');
  });

  it('may be a JWT wherever it stands', () => {
    expect(found({ daytonaApiKey: JWT, daytonaOrganizationId: 'org-1' })).toMatchObject({ organizationId: 'org-1' });
  });

  it('that is none says what to do', () => {
    const missing = new NoKey('no API key: set daytona-api-key or DAYTONA_API_KEY');
    expect(() => found({}, { DAYTONA_API_KEY: ' ' })).toThrow(missing);
  });

  it('that is a JWT without an organization says what to do', () => {
    expect(() => found({ daytonaApiKey: JWT })).toThrow(
      /^the JWT in daytona-api-key .* set daytona-organization-id or DAYTONA_ORGANIZATION_ID$/,
    );
  });

  it.each(['two words', 'line\nbreak', 'schlüssel'])('that no header can carry is refused, and not shown: %j', (key) => {
    expect(() => found({ daytonaApiKey: key })).toThrow(/^the API key in daytona-api-key has blanks/);
    expect(() => found({ daytonaApiKey: key })).not.toThrow(key);
  });

  it('is masked, and so is every other that is around', () => {
    const env = { DAYTONA_API_KEY: 'b', DAYTONA_JWT_TOKEN: 'c', DAYTONA_ORGANIZATION_ID: 'org-1' };
    expect(daytonaSecrets({ daytonaApiKey: 'a' }, env)).toEqual(['a', 'b', 'c']);
  });

  it('stands in no command', () => {
    const curl = new Curl('https://api', found({ daytonaOrganizationId: 'org-1' }, { DAYTONA_JWT_TOKEN: JWT }));
    expect(`${curl.removal('x')}${curl.removalOfAll('a=b')}`).not.toContain(JWT);
    expect(curl.removal('x')).toBe(
      `printf 'Authorization: Bearer %s\\n' "$DAYTONA_JWT_TOKEN" | curl --silent --show-error --fail --header @- --header 'X-Daytona-Organization-ID: org-1' --request DELETE https://api/sandbox/x`,
    );
  });

  it.each([
    [{ daytonaApiKey: 'a' }, {}, '$DAYTONA_API_KEY'],
    [{}, { DAYTONA_API_KEY: 'a' }, '$DAYTONA_API_KEY'],
    [{ daytonaOrganizationId: 'o' }, { DAYTONA_API_KEY: JWT }, '$DAYTONA_API_KEY'],
    [{ daytonaOrganizationId: 'o' }, { DAYTONA_JWT_TOKEN: JWT }, '$DAYTONA_JWT_TOKEN'],
  ])('is named in commands as where it was found: %j %j', (settings, env, variable) => {
    expect(new Curl('https://api', found(settings, env)).removal('x')).toContain(
      `printf 'Authorization: Bearer %s\\n' "${variable}" | curl `,
    );
  });
});
