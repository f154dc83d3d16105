import type { Config } from '../../config/config';
import type { Environment } from '../../lib/environment';

/** The access to Daytona's API. `token` is secret: it is only put into one header. */
export interface Credentials {
  readonly token: string;
  /** The source of the token, for people. */
  readonly from: string;
  /** The organization, with a JWT. An API key belongs to one. */
  readonly organizationId?: string;
}

/** Message: what to do. */
export class NoKey extends Error {
  override readonly name = 'NoKey';
}

/** Message: what to do, never the key. */
export class UnusableCredentials extends Error {
  override readonly name = 'UnusableCredentials';
}

/**
 * Header, claims and signature; the first two are JSON objects in base64.
 * https://www.rfc-editor.org/rfc/rfc7519#section-3.1
 */
const JWT = /^eyJ[\w-]*\.eyJ[\w-]*\.[\w-]*$/;

export type CredentialSettings = Pick<Config, 'daytonaApiKey' | 'daytonaOrganizationId'>;

/**
 * Reads the key from the settings, then from the environment like Daytona's clients.
 * @throws {NoKey}
 * @throws {UnusableCredentials}
 */
export function credentials(config: CredentialSettings, env: Environment): Credentials {
  const [found] = tokens(config, env);
  if (found === undefined) throw new NoKey('no API key: set daytona-api-key or DAYTONA_API_KEY');
  // For such characters the HTTP client would throw an error with the key in its message.
  if (!/^[\x21-\x7e]+$/.test(found.token)) {
    throw new UnusableCredentials(`the API key in ${found.from} has blanks or other characters that no key has: copy it again`);
  }
  if (!JWT.test(found.token)) return found;
  const organizationId = config.daytonaOrganizationId ?? (env['DAYTONA_ORGANIZATION_ID']?.trim() || undefined);
  if (organizationId === undefined) {
    throw new UnusableCredentials(
      `the JWT in ${found.from} does not say whose sandboxes are meant: set daytona-organization-id or DAYTONA_ORGANIZATION_ID`,
    );
  }
  if (!/^[\w-]+$/.test(organizationId))
    throw new UnusableCredentials('daytona-organization-id: use the id that Daytona’s dashboard shows');
  return { ...found, organizationId };
}

/** Every secret, used or not. */
export function daytonaSecrets(config: Pick<Config, 'daytonaApiKey'>, env: Environment): readonly string[] {
  return tokens(config, env).map(({ token }) => token);
}

function tokens(config: Pick<Config, 'daytonaApiKey'>, env: Environment): readonly Credentials[] {
  const all = [
    { token: config.daytonaApiKey, from: 'daytona-api-key' },
    { token: env['DAYTONA_API_KEY'], from: 'DAYTONA_API_KEY' },
    { token: env['DAYTONA_JWT_TOKEN'], from: 'DAYTONA_JWT_TOKEN' },
  ];
  return all.flatMap(({ token, from }) => (token?.trim() ? [{ token: token.trim(), from }] : []));
}
