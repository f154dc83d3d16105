import { object } from '../lib/json-shape';
import type { RequestHead } from './http-head';
import { ascii, type Edit, edited, elementsOf, labelEdits, valueAt } from './json-edit';
import type { Ask, Rewrite, Rules } from './rules';

/** The owner of new resources. */
export interface Ownership {
  /** All labels that a new resource gets. */
  readonly labels: Readonly<Record<string, string>>;
  /** The label that names the owner. What has it already stays unchanged. */
  readonly owner: string;
}

/** Variables that lead to this proxy, with their values before. Useless in a container. */
export interface LocalVariables {
  /** `DOCKER_HOST`, for example, and the value that the proxy gave it. */
  readonly [name: string]: { readonly value: string; readonly before: string | undefined };
}

/** The place of labels in the bodies of Docker's and Podman's requests. */
const CREATIONS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  '/containers/create': [['Labels']],
  '/networks/create': [['Labels']],
  '/volumes/create': [['Labels']],
  '/services/create': [['Labels'], ['TaskTemplate', 'ContainerSpec', 'Labels']],
  '/secrets/create': [['Labels']],
  '/configs/create': [['Labels']],
  '/libpod/containers/create': [['labels']],
  '/libpod/pods/create': [['labels']],
  '/libpod/networks/create': [['labels']],
  '/libpod/volumes/create': [['Labels']],
};

/** Any API version, or none: `/v1.43/containers/create`, `/v4.0.0/libpod/pods/create`. */
const ENDPOINT = /^(?<version>\/v\d[\w.-]*)?(?<endpoint>(?:\/libpod)?\/[a-z]+\/[\w.-]+(?:\/update)?)$/;

/** One request that creates something. */
interface Creation extends Ownership {
  /** With the API version. */
  readonly prefix: string;
  readonly endpoint: string;
  readonly local: LocalVariables;
  readonly noteImage: (name: string) => void;
  readonly noteBinds: OnCreate;
}

/** Called with the endpoint and the body of each request that creates something. */
export type OnCreate = (endpoint: string, body: unknown) => void;

/**
 * Labels what is created on an engine. Leaves builds alone: labels would change the image's id and
 * its cache, and its containers would inherit them.
 * https://docs.docker.com/reference/api/engine/, https://docs.podman.io/en/latest/_static/api.html
 * @param noteImage called with the image that a container is made from
 * @param noteBinds called with what creates a container, among others
 */
export function dockerRules(
  ownership: Ownership,
  local: LocalVariables = {},
  noteImage: (name: string) => void = () => undefined,
  noteBinds: OnCreate = () => undefined,
): Rules {
  return {
    rewriteOf({ method, path }: RequestHead): Rewrite | undefined {
      const { version = '', endpoint = '' } = method === 'POST' ? (ENDPOINT.exec(path)?.groups ?? {}) : {};
      if (/^\/services\/[^/]+\/update$/.test(endpoint)) return (json, ask) => updateService(json, ask, path, ownership);
      if (!Object.hasOwn(CREATIONS, endpoint)) return undefined;
      const creation = { ...ownership, prefix: version, endpoint, local, noteImage, noteBinds };
      return (json, ask) => create(json, ask, creation);
    },
  };
}

async function create(json: Buffer, ask: Ask, creation: Creation): Promise<Buffer | undefined> {
  const text = json.toString('latin1');
  const body: unknown = JSON.parse(json.toString());
  const image = textAt(body, 'Image') ?? textAt(body, 'image');
  if (image && /\/containers\/create$/.test(creation.endpoint)) creation.noteImage(image);
  creation.noteBinds(creation.endpoint, body);
  await makeVolumes(namedVolumes(creation.endpoint, body), ask, creation);
  return edited(text, [
    ...labelled(text, creation.endpoint, creation),
    ...(creation.endpoint === '/containers/create' ? environmentEdits(text, body, creation.local) : []),
  ]);
}

function labelled(text: string, endpoint: string, { labels, owner }: Ownership): readonly Edit[] {
  const places = (CREATIONS[endpoint] ?? []).filter((path) => path.length === 1 || isObject(text, path.slice(0, -1)));
  const inPlaces = places.flatMap((path) => labelEdits(text, path, labels, owner));
  return endpoint === '/services/create' ? [...inPlaces, ...taskVolumes(text, { labels, owner })] : inPlaces;
}

function isObject(text: string, path: readonly string[]): boolean {
  const value = valueAt(text, path);
  return value !== undefined && text[value.start] === '{';
}

/** Labels a service's volumes, which are made on the node of each task, by its mounts. */
function taskVolumes(text: string, { labels, owner }: Ownership): readonly Edit[] {
  const mounts = valueAt(text, ['TaskTemplate', 'ContainerSpec', 'Mounts']);
  if (mounts === undefined || text[mounts.start] !== '[') return [];
  const volumes = elementsOf(text, mounts.start).filter((mount) => {
    const type = text[mount] === '{' ? valueAt(text, ['Type'], mount) : undefined;
    return type !== undefined && text.slice(type.start, type.end) === '"volume"';
  });
  return volumes.flatMap((mount) => labelEdits(text, ['VolumeOptions', 'Labels'], labels, owner, mount));
}

/** Labels a service of this session again: an update replaces all of its labels. */
async function updateService(json: Buffer, ask: Ask, path: string, ownership: Ownership): Promise<Buffer | undefined> {
  const service = await ask('GET', path.replace(/\/update$/, ''));
  if (textAt(service, 'Spec', 'Labels', ownership.owner) !== ownership.labels[ownership.owner]) return undefined;
  const text = json.toString('latin1');
  return edited(text, labelled(text, '/services/create', ownership));
}

/** A volume that a container's creation makes, as `POST /volumes/create` takes it. */
interface VolumeBody {
  readonly Name: string;
  readonly Driver?: string;
  readonly DriverOpts?: unknown;
  readonly Labels?: unknown;
}

/** What a volume can be called. https://github.com/moby/moby/blob/master/daemon/names/names.go */
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Named volumes that a container's creation makes: `-v name:/path`, `--mount type=volume,source=name`. */
function namedVolumes(endpoint: string, body: unknown): readonly VolumeBody[] {
  const found =
    endpoint === '/containers/create' ? dockerVolumes(body) : endpoint === '/libpod/containers/create' ? podmanVolumes(body) : [];
  return found.filter(({ Name }) => VOLUME_NAME.test(Name));
}

function dockerVolumes(body: unknown): readonly VolumeBody[] {
  const host = at(body, 'HostConfig');
  const driver = at(host, 'VolumeDriver');
  const binds = listAt(host, 'Binds').flatMap((bind) => /^([^:]+):/.exec(String(bind))?.[1] ?? []);
  const mounts = listAt(host, 'Mounts').filter((mount) => at(mount, 'Type') === 'volume');
  return [
    ...binds.map((Name) => ({ Name, ...(typeof driver === 'string' && driver !== '' ? { Driver: driver } : {}) })),
    ...mounts.map((mount) => {
      const [name, options] = [
        at(mount, 'VolumeOptions', 'DriverConfig', 'Name'),
        at(mount, 'VolumeOptions', 'DriverConfig', 'Options'),
      ];
      return {
        Name: String(at(mount, 'Source') ?? ''),
        ...(typeof name === 'string' && name !== '' ? { Driver: name } : {}),
        ...(options ? { DriverOpts: options } : {}),
        Labels: at(mount, 'VolumeOptions', 'Labels'),
      };
    }),
  ];
}

function podmanVolumes(body: unknown): readonly VolumeBody[] {
  return listAt(body, 'volumes')
    .filter((volume) => at(volume, 'IsAnonymous') !== true)
    .map((volume) => ({ Name: String(at(volume, 'Name') ?? '') }));
}

/** Makes volumes beforehand. An existing one stays as it is; a refusal reaches the client later, too. */
async function makeVolumes(
  volumes: readonly VolumeBody[],
  ask: Ask,
  { prefix, endpoint, labels, owner }: Creation,
): Promise<void> {
  const version = endpoint.startsWith('/libpod') ? '' : prefix; // Podman's versions are not Docker's.
  await Promise.all(
    volumes.map(async (volume) => {
      const own = typeof volume.Labels === 'object' ? volume.Labels : {};
      const Labels = own && Object.hasOwn(own, owner) ? own : { ...labels, ...own };
      await ask('POST', `${version}/volumes/create`, { ...volume, Labels }).catch(() => undefined);
    }),
  );
}

/**
 * Gives a container the values from before the proxy, unless it can reach the proxy. The runner
 * passes a job's variables to the containers of container actions.
 */
function environmentEdits(text: string, body: unknown, local: LocalVariables): readonly Edit[] {
  const environment = listAt(body, 'Env');
  const place = valueAt(text, ['Env']);
  const kept = environment.flatMap((item) => {
    const [name, variable] = Object.entries(local).find(([key, { value }]) => item === `${key}=${value}`) ?? [];
    if (name === undefined || variable === undefined || isReachable(variable.value, body)) return [item];
    return variable.before ? [`${name}=${variable.before}`] : [];
  });
  const isSame = kept.length === environment.length && kept.every((item, index) => item === environment[index]);
  return isSame || place === undefined ? [] : [{ ...place, text: ascii(kept) }];
}

/** Whether the container reaches it: the path is mounted, or the network is the machine's. */
function isReachable(url: string, body: unknown): boolean {
  const host = at(body, 'HostConfig');
  if (!url.startsWith('unix://')) return at(host, 'NetworkMode') === 'host';
  const path = url.slice('unix://'.length);
  const targets = [
    ...listAt(host, 'Binds').map((bind) => String(bind).split(':')[1]),
    ...listAt(host, 'Mounts').map((mount) => at(mount, 'Target')),
  ];
  return targets.some(
    (target) => typeof target === 'string' && (path === target || path.startsWith(`${target.replace(/\/$/, '')}/`)),
  );
}

function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const found = at(value, name);
  return Array.isArray(found) ? found : [];
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => object(inner)[name], value);
}
