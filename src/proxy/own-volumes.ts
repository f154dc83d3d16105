import { appendFile } from 'node:fs/promises';
import { askOver } from './ask';
import type { Dial } from './dial';
import type { Ownership } from './docker-rules';
import type { RequestHead } from './http-head';

/** The removal of a container, by either of Podman's paths, too. */
const REMOVAL = /^(?:\/v[\w.-]+)?(?:\/libpod)?\/containers\/[^/]+$/;

/** The names that engines make up. */
const ANONYMOUS = /^[0-9a-f]{64}$/;

export interface VolumeNotes {
  readonly dial: Dial;
  readonly ownership: Ownership;
  /** Gets one name a line. */
  readonly file: string;
}

/**
 * Notes the anonymous volumes of one of the session's containers before a client removes it: they may
 * stay, and nothing would tell whose they are. Not of one with volumes of other containers. Never
 * rejects.
 */
export async function noteVolumes(request: RequestHead, { dial, ownership, file }: VolumeNotes): Promise<void> {
  const [path = ''] = request.path.split('?');
  if (request.method !== 'DELETE' || !REMOVAL.test(path)) return;
  try {
    const { json } = await askOver(dial, request)('GET', `${path}/json`);
    const names = ownVolumes(json as Inspected, ownership);
    if (names.length > 0) await appendFile(file, names.map((name) => `${name}\n`).join(''));
  } catch {
    // The volumes stay, as they do without a proxy.
  }
}

interface Inspected {
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly HostConfig?: { readonly VolumesFrom?: readonly string[] | null };
  readonly Mounts?: readonly { readonly Type?: string; readonly Name?: string }[] | null;
}

function ownVolumes({ Config, HostConfig, Mounts }: Inspected, { labels, owner }: Ownership): readonly string[] {
  const isOurs = Config?.Labels?.[owner] === labels[owner];
  if (!isOurs || (HostConfig?.VolumesFrom ?? []).length > 0) return [];
  return (Mounts ?? []).flatMap(({ Type, Name = '' }) => (Type === 'volume' && ANONYMOUS.test(Name) ? [Name] : []));
}
