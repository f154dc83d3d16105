import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api-error';

/** Who is let in. */
export interface Credentials {
  readonly apiKey: string;
  /** A key without `delete:sandboxes`, one without `write:sandboxes`, and one without either. */
  readonly noDeleteKey: string;
  readonly noWriteKey: string;
  readonly readOnlyKey: string;
  /** Good only together with the organization's id. */
  readonly jwt: string;
  readonly organizationId: string;
}

/** @throws ApiError 401 or 403, as the API does */
export function checkAccess(credentials: Credentials, method: string | undefined, headers: IncomingHttpHeaders): void {
  const { apiKey, noDeleteKey, noWriteKey, readOnlyKey, jwt, organizationId } = credentials;
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  const known = [apiKey, noDeleteKey, noWriteKey, readOnlyKey, jwt];
  if (token === undefined || !known.includes(token)) throw new ApiError(401, 'Invalid credentials');
  const named = headers['x-daytona-organization-id'];
  const isForeign = named === undefined ? token === jwt : named !== organizationId;
  if (isForeign) throw new ApiError(403, 'Forbidden resource');
  const mayDelete = token !== noDeleteKey && token !== readOnlyKey;
  const mayWrite = token !== noWriteKey && token !== readOnlyKey;
  if (method === 'DELETE' ? !mayDelete : method !== 'GET' && !mayWrite) throw new ApiError(403, 'Forbidden resource');
}
