import { items, object, text } from '../../lib/json-shape';
import { Shared } from '../../lib/shared';
import { API_KINDS, type ApiKind, rootOf } from './api-kinds';
import type { KubernetesClient } from './client';

/** What a cluster serves. */
type Served = ApiKind & { readonly group: string };

/** One answer for all versions and kinds of an API: https://kubernetes.io/docs/reference/using-api/api-concepts/#discovery */
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const AGGREGATED_BETA = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';

/** Finds where kinds are served, in two requests, which are sent when they are needed first. */
export class Discovery {
  readonly #client: KubernetesClient;
  readonly #asking = new Shared<readonly Served[]>();
  #served: readonly Served[] | undefined;

  constructor(client: KubernetesClient) {
    this.#client = client;
  }

  /**
   * A kind as objects name it: `apps/v1`, `Deployment`.
   * @returns undefined if the cluster does not serve it
   */
  async find(apiVersion: string, name: string, signal: AbortSignal): Promise<ApiKind | undefined> {
    const known = API_KINDS.find((kind) => kind.name === name && kind.root === rootOf(apiVersion));
    return known ?? (await this.#all(signal)).find((kind) => kind.name === name && kind.root === rootOf(apiVersion));
  }

  /**
   * A kind of custom resources, in the version that the cluster prefers.
   * @param fullName `sandboxes.agents.x-k8s.io`
   */
  async custom(fullName: string, signal: AbortSignal): Promise<ApiKind | undefined> {
    return (await this.#all(signal)).find(({ plural, group }) => `${plural}.${group}` === fullName);
  }

  async #all(signal: AbortSignal): Promise<readonly Served[]> {
    this.#served ??= await this.#asking.get('all', signal, async (shared) => {
      const found = await Promise.all(['/api', '/apis'].map((path) => this.#ask(path, shared)));
      return found.flat();
    });
    return this.#served;
  }

  async #ask(path: string, signal: AbortSignal): Promise<readonly Served[]> {
    const accept = `${AGGREGATED},${AGGREGATED_BETA},application/json`;
    const { items: groups } = await this.#client.ask({ path, accept, what: 'GET what the cluster serves' }, signal);
    return items(groups).flatMap((item) => {
      const group = text(object(item['metadata'])['name']) ?? '';
      // The preferred version comes first.
      return items(item['versions']).flatMap(({ version, resources }) =>
        items(resources).flatMap((resource) => servedBy(group, text(version) ?? '', resource)),
      );
    });
  }
}

function servedBy(group: string, version: string, resource: Readonly<Record<string, unknown>>): Served | readonly [] {
  const plural = text(resource['resource']);
  const name = text(object(resource['responseKind'])['kind']);
  if (plural === undefined || name === undefined) return [];
  const root = rootOf(group === '' ? version : `${group}/${version}`);
  const isClusterWide = resource['scope'] === 'Cluster' ? ({ isClusterWide: true } as const) : {};
  return {
    kind: 'custom-resource',
    name,
    root,
    plural,
    group,
    isPlain: true,
    fullName: `${plural}.${group}`,
    ...isClusterWide,
  };
}
