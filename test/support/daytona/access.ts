import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api-error';

/** Who is let in. */
export interface Credentials {
  readonly apiKey: string;
  /** A key without `delete:sandboxes`. */
  readonly readOnlyKey: string;
  /** Good only together with the organization's id. */
  readonly jwt: string;
  readonly organizationId: string;
}

/** @throws ApiError 401 or 403, as the API does */
export function checkAccess(credentials: Credentials, method: string | undefined, headers: IncomingHttpHeaders): void {
  const { apiKey, readOnlyKey, jwt, organizationId } = credentials;
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (token !== apiKey && token !== readOnlyKey && token !== jwt) throw new ApiError(401, 'Invalid credentials');
  const named = headers['x-daytona-organization-id'];
  const isForeign = named === undefined ? token === jwt : named !== organizationId;
  if (isForeign) throw new ApiError(403, 'Forbidden resource');
  if (token === readOnlyKey && method === 'DELETE') throw new ApiError(403, 'Forbidden resource');
}
