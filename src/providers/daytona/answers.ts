import { UnreadableAnswer } from '../../lib/http-errors';
import { field, isRecord, object, text, textsIn, timeIn } from '../../lib/json-shape';

/** A sandbox as the API describes it. A field of an unexpected type counts as absent. */
export interface SandboxInfo {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly desiredState?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly snapshot?: string;
  readonly errorReason?: string;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly createdAt?: number;
  readonly updatedAt?: number;
  /** When its TTL is over. */
  readonly autoDestroyAt?: number;
}

/** One page of a listing. */
export interface SandboxPage {
  readonly items: readonly SandboxInfo[];
  readonly nextCursor: string | null;
}

/** Needs no escaping in paths and commands. Not `..`, which would be another path. */
const ID = /^(?!\.+$)[\w.-]+$/;

/** Characters shown of an unusable id. */
const MAX_ODD_ID = 60;

/** Whether a request can name a sandbox with this id. */
export function isUsableId(id: unknown): id is string {
  return typeof id === 'string' && ID.test(id);
}

/** @throws {UnreadableAnswer} when the answer is not a list of sandboxes */
export function pageIn(answer: unknown): SandboxPage {
  // Old self-hosted servers do not know pages.
  const { items, nextCursor } = Array.isArray(answer) ? { items: answer, nextCursor: null } : object(answer);
  if (!Array.isArray(items) || !items.every(isSandbox)) throw new UnreadableAnswer('the answer is not a list of sandboxes');
  return { items: items.map(infoIn), nextCursor: text(nextCursor) ?? null };
}

/** @throws {UnreadableAnswer} when the answer is not a sandbox with a usable id */
export function sandboxIn(answer: unknown): SandboxInfo {
  if (!isUsableId(object(answer)['id'])) throw new UnreadableAnswer('the answer is not a sandbox');
  return infoIn(answer);
}

/** @throws {UnreadableAnswer} when the answer is not a list of sandboxes */
export function forksIn(answer: unknown): readonly SandboxInfo[] {
  if (!Array.isArray(answer)) throw new UnreadableAnswer('the answer is not a list of forks');
  return answer.map(sandboxIn);
}

/** With an unusable id, labels still identify the owner. */
function isSandbox(item: unknown): boolean {
  const { id, labels } = object(item);
  return isUsableId(id) || isRecord(labels);
}

function infoIn(item: unknown): SandboxInfo {
  const fields = object(item);
  const name = text(fields['name']);
  const id = isUsableId(fields['id']) ? fields['id'] : oddId(fields['id'], name);
  return {
    id,
    name: name ?? id,
    state: text(fields['state']) ?? 'unknown',
    labels: textsIn(fields['labels']),
    ...field('desiredState', text(fields['desiredState'])),
    ...field('snapshot', text(fields['snapshot'])),
    ...field('errorReason', text(fields['errorReason'])),
    ...field('createdAt', timeIn(fields['createdAt'])),
    ...field('updatedAt', timeIn(fields['updatedAt'])),
    ...field('autoDestroyAt', timeIn(fields['autoDestroyAt'])),
  };
}

/** Replaces an unusable id. The parentheses make it unusable, too. */
function oddId(id: unknown, name: string | undefined): string {
  return `(${JSON.stringify(id)?.slice(0, MAX_ODD_ID) ?? 'none'}${name ? ` of ${name}` : ''})`;
}
