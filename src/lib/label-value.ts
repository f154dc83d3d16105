import { createHash } from 'node:crypto';

/** What Kubernetes accepts as the value of a label, and Helm with it. */
const LABEL_VALUE = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i;

/** Characters of an id before its hash; a label's value has 63 at most. */
const KEPT = 50;

/**
 * The value that carries a session's id where labels are short: the id itself if it can be one, as all made-up ids can. Of
 * another one, what can be kept of its start and a hash of it.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
 */
export function labelValue(sessionId: string): string {
  if (LABEL_VALUE.test(sessionId)) return sessionId;
  const start = sessionId.replace(/[^a-z0-9._-]/gi, '-').replace(/^[._-]+/, '');
  return `${start.slice(0, KEPT)}${start === '' ? '' : '-'}${createHash('sha256').update(sessionId).digest('hex').slice(0, 12)}`;
}
