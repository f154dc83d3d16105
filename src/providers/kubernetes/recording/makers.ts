import type { Resource } from '../../../core/resource';
import { pathOf } from '../api-kinds';
import type { KubernetesClient } from '../client';
import { classify, KubernetesError } from '../errors';
import type { ObjectLabels } from '../object-labels';
import { controllerOf, type OwnerReference } from '../objects';
import { apiOfMaker, type Thing, thingOf } from '../scene';

type Labels = Resource['labels'];

/** The labels of what makes pods, for pods that say nothing themselves. Each maker is asked for once. */
export class Makers {
  readonly #client: KubernetesClient;
  readonly #labels: ObjectLabels;
  readonly #known = new Map<string, Promise<Labels>>();

  constructor(client: KubernetesClient, labels: ObjectLabels) {
    this.#client = client;
    this.#labels = labels;
  }

  /** The labels of all that made an object. None of a maker that may not be seen, or is gone. */
  async labelsFor({ metadata }: Thing, signal: AbortSignal): Promise<Labels> {
    const owner = controllerOf(metadata);
    return owner === undefined ? {} : this.#labelsOf(owner, metadata.namespace, signal);
  }

  #labelsOf(owner: OwnerReference, namespace: string, signal: AbortSignal): Promise<Labels> {
    const known = this.#known.get(owner.uid);
    if (known) return known;
    const found = this.#ask(owner, namespace, signal);
    this.#known.set(owner.uid, found);
    found.catch(() => this.#known.delete(owner.uid));
    return found;
  }

  async #ask(owner: OwnerReference, namespace: string, signal: AbortSignal): Promise<Labels> {
    const api = apiOfMaker(owner);
    if (api === undefined) return {};
    const path = pathOf(api, namespace, owner.name);
    try {
      const maker = thingOf(api, await this.#client.ask({ path, what: `GET ${api.plural}` }, signal));
      if (maker?.metadata.uid !== owner.uid) return {};
      if (!this.#labels.knows(maker)) await this.#labels.learn([maker], namespace, signal);
      return this.#labels.of(maker, await this.labelsFor(maker, signal));
    } catch (error) {
      const passes = !(error instanceof KubernetesError) || classify(error).kind === 'retryable';
      if (passes) throw error;
      return {};
    }
  }
}
