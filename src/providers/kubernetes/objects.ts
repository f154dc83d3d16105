import { field, items, type Json, object, text, texts, textsIn, timeIn } from '../../lib/json-shape';

/** Who makes an object, or holds it: `metadata.ownerReferences`. */
export interface OwnerReference {
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly uid: string;
  /** It makes the object again. */
  readonly isController: boolean;
}

/** What all objects have. A field of an unexpected type counts as absent. */
export interface Metadata {
  readonly uid: string;
  readonly name: string;
  /** Empty for what belongs to the whole cluster. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly owners: readonly OwnerReference[];
  readonly finalizers: readonly string[];
  /** Milliseconds since the epoch, by the server's clock. */
  readonly createdAt?: number;
  /** When it is to be gone: its deletion was requested, plus its grace period. */
  readonly deletedAt?: number;
}

/** @returns undefined for what has no uid or name, which no request could mean safely */
export function metadataOf(item: Json): Metadata | undefined {
  const fields = object(item['metadata']);
  const uid = text(fields['uid']);
  const name = text(fields['name']);
  if (uid === undefined || name === undefined) return undefined;
  return {
    uid,
    name,
    namespace: text(fields['namespace']) ?? '',
    labels: textsIn(fields['labels']),
    annotations: textsIn(fields['annotations']),
    owners: items(fields['ownerReferences']).map(ownerIn),
    finalizers: texts(fields['finalizers']),
    ...field('createdAt', timeIn(fields['creationTimestamp'])),
    ...field('deletedAt', timeIn(fields['deletionTimestamp'])),
  };
}

/** The controller of an object: it makes the object again. */
export function controllerOf({ owners }: Pick<Metadata, 'owners'>): OwnerReference | undefined {
  return owners.find(({ isController }) => isController);
}

function ownerIn(reference: Json): OwnerReference {
  return {
    kind: text(reference['kind']) ?? '',
    apiVersion: text(reference['apiVersion']) ?? '',
    name: text(reference['name']) ?? '',
    uid: text(reference['uid']) ?? '',
    isController: reference['controller'] === true,
  };
}
