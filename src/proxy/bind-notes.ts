import { appendFile } from 'node:fs/promises';
import { isRecord, object, text } from '../lib/json-shape';
import type { Ownership } from './docker-rules';

/** Directories to note at most, about: a client could send others for ever. */
const MAX_NOTED = 10_000;

/**
 * Notes the directories of this machine that the session's containers may write to, before a container
 * is made: it may be gone before post looks for it. Never throws.
 * @param file gets a JSON text a line
 * @returns called with what creates a container: its endpoint, and its body
 */
export function bindNotes(file: string, { labels, owner }: Ownership): (endpoint: string, body: unknown) => void {
  const noted = new Set<string>();
  return (endpoint, body) => {
    if (!endpoint.endsWith('/containers/create')) return;
    const { Labels, labels: podmans } = object(body);
    const label = object(Labels ?? podmans)[owner];
    if (label !== undefined && label !== labels[owner]) return;
    const fresh = [...new Set(sourcesIn(body))].filter((source) => !noted.has(source));
    if (fresh.length === 0 || noted.size >= MAX_NOTED) return;
    for (const source of fresh) noted.add(source);
    appendFile(file, fresh.map((source) => `${JSON.stringify(source)}\n`).join('')).catch(() => undefined);
  };
}

/** `-v /source:/target`, `--mount type=bind,source=/source`, and Podman's own. Not what is read-only. */
function sourcesIn(body: unknown): readonly string[] {
  const { HostConfig, mounts } = object(body);
  const { Binds, Mounts } = object(HostConfig);
  const binds = listOf(Binds).flatMap((bind) => {
    const [, source, options = ''] = /^(\/[^:]*):[^:]*(?::(.*))?$/.exec(String(bind)) ?? [];
    return source === undefined || options.split(',').includes('ro') ? [] : source;
  });
  const dockers = listOf(Mounts).flatMap((mount) => {
    const { Type, Source, ReadOnly } = object(mount);
    return Type === 'bind' && ReadOnly !== true ? (text(Source) ?? []) : [];
  });
  const podmans = listOf(mounts).flatMap((mount) => {
    const { type, source, options } = object(mount);
    return type === 'bind' && !listOf(options).includes('ro') ? (text(source) ?? []) : [];
  });
  return [...binds, ...dockers, ...podmans];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) || isRecord(value) ? Object.values(value) : [];
}
