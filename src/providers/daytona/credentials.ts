import type { Config } from '../../config/config';
import type { Environment } from '../../lib/environment';

/**
 * How this process may use Daytona's API. `token` is secret: it goes into one header, and nowhere
 * else.
 */
export interface Credentials {
  readonly token: string;
  /** Where the token was found, for people. */
  readonly from: string;
  /** With a JWT: the organization that is meant. An API key belongs to one. */
  readonly organizationId?: string;
}

/** No key is set. The message says what to do. */
export class NoKey extends Error {
  override readonly name = 'NoKey';
}

/** What is set can't be used. The message says what to do, and never holds the key. */
export class UnusableCredentials extends Error {
  override readonly name = 'UnusableCredentials';
}

/**
 * Header, claims and signature, of which the first two are JSON objects in base64:
 * https://www.rfc-editor.org/rfc/rfc7519#section-3.1
 */
const JWT = /^eyJ[\w-]*\.eyJ[\w-]*\.[\w-]*$/;

/**
 * The key of the settings, then that of the environment, as Daytona's own clients read it.
 * @throws {NoKey}
 * @throws {UnusableCredentials}
 */
export function credentials(config: Config, env: Environment): Credentials {
  const [found] = tokens(config, env);
  if (found === undefined) throw new NoKey('no API key: set daytona-api-key or DAYTONA_API_KEY');
  // A line break or what HTTP can't carry would make the client throw with the key in its message.
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

/** Everything that must be masked, whether it is used or not. */
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
