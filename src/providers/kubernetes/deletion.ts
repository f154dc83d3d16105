import { type Json, object } from '../../lib/json-shape';
import type { KubernetesClient } from './client';
import { hasStatus, isNotFound } from './errors';
import { metadataOf } from './objects';

export interface Deletion {
  /** Of the object itself. */
  readonly path: string;
  /** Whatever took its name meanwhile is not touched. */
  readonly uid: string;
  /** Names the request in errors: `DELETE pods`. */
  readonly what: string;
  /** Of a pod. Only the first one counts: a shorter one does not shorten it. */
  readonly gracePeriodSeconds?: number;
  /** `Foreground`: what it makes goes first. A job's pods would stay by default. */
  readonly propagationPolicy?: 'Foreground' | 'Background';
}

/**
 * Requests an object's deletion.
 * @returns `gone`: nothing of it is left, or never was
 */
export async function deletion(
  client: KubernetesClient,
  { path, uid, what, gracePeriodSeconds, propagationPolicy = 'Background' }: Deletion,
  signal: AbortSignal,
): Promise<'gone' | 'accepted'> {
  const body: Json = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid },
    propagationPolicy,
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
  };
  try {
    const answer = await client.ask({ method: 'DELETE', path, body, what }, signal);
    // Something that is still there comes back itself; of what is gone, only its uid in a status.
    return answer['kind'] === 'Status' && object(answer['details'])['uid'] === uid ? 'gone' : 'accepted';
  } catch (error) {
    if (isNotFound(error) || (hasStatus(error, 409) && (await isAnother(client, path, uid, signal)))) return 'gone';
    throw error;
  }
}

/** Whether the name is free, or somebody else's. */
async function isAnother(client: KubernetesClient, path: string, uid: string, signal: AbortSignal): Promise<boolean> {
  try {
    const now = metadataOf(await client.ask({ path, what: 'GET' }, signal));
    return now !== undefined && now.uid !== uid;
  } catch (error) {
    return isNotFound(error);
  }
}
