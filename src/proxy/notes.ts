import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, object, parsedJson, text } from '../lib/json-shape';
import { askOver } from './ask';
import type { Dial } from './dial';
import type { Ownership } from './docker-rules';
import type { RequestHead } from './http-head';

/** Lines that a file gets, about: a client could send others for ever. */
const MAX_NOTED = 10_000;

/** Characters of an image's name. */
const MAX_NAME = 500;

/** The files of a session's directory in which its proxy notes what the session's containers had and used. */
export function notesIn(directory: string): Readonly<Record<'volumes' | 'images' | 'binds', string>> {
  return { volumes: join(directory, 'volumes.txt'), images: join(directory, 'images.txt'), binds: join(directory, 'binds.txt') };
}

/** The names of anonymous volumes that the session's containers had. Never throws. */
export async function readOwnVolumes(directory: string): Promise<ReadonlySet<string>> {
  return new Set(await readNotes(notesIn(directory).volumes));
}

/** The names of the images that the session's containers were made from. Never throws. */
export function readImageNotes(directory: string): Promise<readonly string[]> {
  return readNotes(notesIn(directory).images);
}

/** The directories that the session's containers could write to. Never throws. */
export async function readBindNotes(directory: string): Promise<readonly string[]> {
  return (await readNotes(notesIn(directory).binds)).flatMap((line) => text(parsedJson(line)) ?? []);
}

async function readNotes(file: string): Promise<readonly string[]> {
  return namesIn(await readFile(file, 'utf8').catch(() => ''));
}

export function namesIn(notes: string): readonly string[] {
  return notes.split('\n').filter((line) => line !== '');
}

/** Adds each line to the file once. Never throws, and holds nothing up. */
function noteOnce(file: string): (lines: readonly string[]) => void {
  const noted = new Set<string>();
  return (lines) => {
    const fresh = [...new Set(lines)].filter((line) => !noted.has(line));
    if (fresh.length === 0 || noted.size >= MAX_NOTED) return;
    for (const line of fresh) noted.add(line);
    appendFile(file, linesOf(fresh)).catch(() => undefined);
  };
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * Notes the images that containers are made from, for later jobs, which remove what was unused for longest.
 * @param file see `EngineSide`
 */
export function imageNotes(file: string): (name: string) => void {
  const note = noteOnce(file);
  return (name) => {
    if (name.length <= MAX_NAME && !/\s/.test(name)) note([name]);
  };
}

/**
 * Notes the directories of this machine that the session's containers may write to, before a container
 * is made: it may be gone before post looks for it.
 * @param file gets a JSON text a line
 * @returns called with what creates a container: its endpoint, and its body
 */
export function bindNotes(file: string, { labels, owner }: Ownership): (endpoint: string, body: unknown) => void {
  const note = noteOnce(file);
  return (endpoint, body) => {
    if (!endpoint.endsWith('/containers/create')) return;
    const { Labels, labels: podmans } = object(body);
    const label = object(Labels ?? podmans)[owner];
    if (label === undefined || label === labels[owner]) note(sourcesIn(body).map((source) => JSON.stringify(source)));
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

/** The removal of a container, by either of Podman's paths, too. */
const REMOVAL = /^(?:\/v[\w.-]+)?(?:\/libpod)?\/containers\/[^/]+$/;

/** The names that engines make up. */
const ANONYMOUS = /^[0-9a-f]{64}$/;

export interface VolumeNotes {
  readonly dial: Dial;
  readonly ownership: Ownership;
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
    const found = await askOver(dial, request)('GET', `${path}/json`);
    const names = ownVolumes(found as Inspected, ownership);
    if (names.length > 0) await appendFile(file, linesOf(names));
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
