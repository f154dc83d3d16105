import { object } from '../lib/json-shape';
import type { Ownership } from './docker-rules';
import type { RequestHead } from './http-head';
import { edited, labelEdits } from './json-edit';
import type { Ask, Rewrite, Rules } from './rules';

/**
 * Labels new sandboxes. Volumes, snapshots and forks take no labels.
 * https://www.daytona.io/docs/en/tools/api/
 * @param base the API's path, as clients see it: `/api`
 */
export function daytonaRules(ownership: Ownership, host: string, base: string): Rules {
  return {
    host,
    rewriteOf({ method, path }: RequestHead): Rewrite | undefined {
      if (!path.startsWith(`${base}/sandbox`)) return undefined;
      const rest = path.slice(`${base}/sandbox`.length);
      if (method === 'POST' && rest === '') return async (json) => labelled(json, ownership);
      if (method === 'PUT' && /^\/[^/]+\/labels$/.test(rest)) return (json, ask) => relabel(json, ask, path, ownership);
      return undefined;
    },
  };
}

function labelled(json: Buffer, { labels, owner }: Ownership): Buffer | undefined {
  const text = json.toString('latin1');
  return edited(text, labelEdits(text, ['labels'], labels, owner));
}

/** Labels a sandbox of this session again: the request replaces all of its labels. */
async function relabel(json: Buffer, ask: Ask, path: string, ownership: Ownership): Promise<Buffer | undefined> {
  const sandbox = object(await ask('GET', path.replace(/\/labels$/, '')));
  return object(sandbox['labels'])[ownership.owner] === ownership.labels[ownership.owner] ? labelled(json, ownership) : undefined;
}
