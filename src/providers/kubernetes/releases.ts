import { gunzipSync } from 'node:zlib';
import { asError } from '../../lib/errors';
import { UnreadableAnswer } from '../../lib/http-errors';
import { isRecord, items, object, parsedJson, text } from '../../lib/json-shape';
import { pathOf, SECRETS } from './api-kinds';
import { type KubernetesClient, METADATA_ONLY } from './client';
import { deletion } from './deletion';
import type { Discovery } from './discovery';
import { ifFound } from './errors';
import { type Metadata, metadataOf } from './objects';

/** A Helm release: its record is one secret for each revision. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** The newest last. */
  readonly revisions: readonly Metadata[];
  /** Those of `helm install --labels`; not Helm's own. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Helm adds them to each object that it makes: https://helm.sh/docs/topics/advanced/ */
const OWNER = { name: 'meta.helm.sh/release-name', namespace: 'meta.helm.sh/release-namespace' } as const;

/** With `keep`, an uninstallation leaves the object. */
const POLICY = 'helm.sh/resource-policy';

/** https://github.com/helm/helm/blob/v3.16.0/pkg/storage/driver/labels.go */
const HELMS_OWN: ReadonlySet<string> = new Set(['name', 'owner', 'status', 'version', 'createdAt', 'modifiedAt']);

/** The releases of a namespace. */
export async function listReleases(
  client: KubernetesClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Release[]> {
  const query = { labelSelector: 'owner=helm' };
  const ask = { path: pathOf(SECRETS, namespace), query, accept: METADATA_ONLY, what: 'LIST secrets' };
  const { items } = await client.list(ask, signal);
  const records = items.flatMap((item) => metadataOf(item) ?? []).filter(isRecordOfRelease);
  return [...Map.groupBy(records, ({ labels }) => labels['name'] ?? '')].map(([name, revisions]) => releaseOf(name, revisions));
}

/** Whether a secret is the record of a release. */
export function isRecordOfRelease({ name, labels }: Metadata): boolean {
  return name.startsWith('sh.helm.release.v1.') && labels['owner'] === 'helm' && (labels['name'] ?? '') !== '';
}

function releaseOf(name: string, records: readonly Metadata[]): Release {
  const revisions = records.toSorted((a, b) => Number(a.labels['version']) - Number(b.labels['version']));
  const own = Object.entries(revisions.at(-1)?.labels ?? {}).filter(([key]) => !HELMS_OWN.has(key));
  return { name, namespace: revisions[0]?.namespace ?? '', revisions, labels: Object.fromEntries(own) };
}

/** The name of the release that an object belongs to, in its own namespace. */
export function releaseNameOf({ namespace, annotations }: Metadata): string | undefined {
  return annotations[OWNER.namespace] === namespace ? annotations[OWNER.name] : undefined;
}

/**
 * Removes what is left of a release's manifest, as `helm uninstall` does, and at last its records.
 * @returns whether everything was gone already, and the records went
 * @throws {UnreadableAnswer} for a manifest that can't be read
 */
export async function uninstall(
  release: Release,
  client: KubernetesClient,
  discovery: Discovery,
  signal: AbortSignal,
): Promise<boolean> {
  const left = await objectsOf(release, client, discovery, signal);
  // The last ones first, as Helm does: what others need stands at the start.
  for (const { path, uid, isDeleted } of left.toReversed()) {
    if (!isDeleted)
      await deletion(client, { path, uid, what: 'DELETE an object of a release', propagationPolicy: 'Foreground' }, signal);
  }
  if (left.length > 0) return false;
  for (const { name, uid } of release.revisions) {
    const path = pathOf(SECRETS, release.namespace, name);
    await deletion(client, { path, uid, what: 'DELETE secrets' }, signal);
  }
  return true;
}

interface Left {
  readonly path: string;
  readonly uid: string;
  readonly isDeleted: boolean;
}

/** The objects of the newest manifest that exist, and say themselves that they are the release's. */
async function objectsOf(
  release: Release,
  client: KubernetesClient,
  discovery: Discovery,
  signal: AbortSignal,
): Promise<readonly Left[]> {
  const found: Left[] = [];
  for (const { apiVersion, kind, name, namespace } of await manifestOf(release, client, signal)) {
    const known = await discovery.find(apiVersion, kind, signal);
    // A kind that the cluster does not serve any more has no objects.
    if (known === undefined) continue;
    const path = pathOf(known, namespace, name);
    const item = await ifFound(client.ask({ path, what: `GET ${known.plural}` }, signal));
    if (item === undefined) continue;
    const metadata = metadataOf(item);
    if (metadata === undefined) throw new UnreadableAnswer(`GET ${known.plural}: the answer is no object`);
    const { annotations, uid, deletedAt } = metadata;
    if (annotations[POLICY] === 'keep') continue;
    const isOurs = annotations[OWNER.name] === release.name && annotations[OWNER.namespace] === release.namespace;
    if (isOurs) found.push({ path, uid, isDeleted: deletedAt !== undefined });
  }
  return found;
}

interface Mentioned {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

async function manifestOf(release: Release, client: KubernetesClient, signal: AbortSignal): Promise<readonly Mentioned[]> {
  const newest = release.revisions.at(-1);
  if (newest === undefined) return [];
  const path = pathOf(SECRETS, release.namespace, newest.name);
  const secret = await ifFound(client.ask({ path, what: 'GET secrets' }, signal));
  if (secret === undefined) return [];
  return await mentionedIn(manifestIn(text(object(secret['data'])['release']) ?? ''), release.namespace);
}

/** Bytes of an unpacked record. Packed, a secret has one million at most. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/**
 * Helm packs a release with gzip and base64; Kubernetes shows secrets in base64 once more.
 * @throws {UnreadableAnswer} for anything else: what the release has made is not known then
 */
export function manifestIn(record: string): string {
  try {
    const packed = Buffer.from(Buffer.from(record, 'base64').toString('latin1'), 'base64');
    const isZipped = packed[0] === 0x1f && packed[1] === 0x8b;
    const json = isZipped ? gunzipSync(packed, { maxOutputLength: MAX_RECORD_BYTES }) : packed;
    const release = parsedJson(json.toString('utf8'));
    if (!isRecord(release)) throw new Error('it is not Helm’s');
    return text(release['manifest']) ?? '';
  } catch (error) {
    throw new UnreadableAnswer(`the record of the release can’t be read: ${asError(error).message}`);
  }
}

/**
 * The objects that a manifest names, in its order.
 * @throws {UnreadableAnswer} for one that is not YAML
 */
export async function mentionedIn(manifest: string, namespace: string): Promise<readonly Mentioned[]> {
  const { parseAllDocuments } = await import('../../kubernetes');
  // Helm takes a key that comes twice.
  const documents = parseAllDocuments(manifest, { uniqueKeys: false });
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new UnreadableAnswer(`the manifest of the release can’t be read: ${error.code}`);
    return mentioned(document.toJS(), namespace);
  });
}

function mentioned(item: unknown, namespace: string): readonly Mentioned[] {
  if (!isRecord(item)) return [];
  const metadata = object(item['metadata']);
  const [apiVersion, kind, name] = [text(item['apiVersion']), text(item['kind']), text(metadata['name'])];
  // A list has no name.
  if (name === undefined) return items(item['items']).flatMap((one) => mentioned(one, namespace));
  if (apiVersion === undefined || kind === undefined) return [];
  return [{ apiVersion, kind, name, namespace: text(metadata['namespace']) ?? namespace }];
}
