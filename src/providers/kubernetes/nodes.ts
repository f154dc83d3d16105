import type { Clock } from '../../lib/clock';
import { items, object, timeIn } from '../../lib/json-shape';
import { NODES, pathOf } from './api-kinds';
import type { KubernetesClient } from './client';
import { isNotFound } from './errors';
import { metadataOf } from './objects';

/** Milliseconds for which a node's state is believed. */
const BELIEVED_MS = 5_000;

/** Whether the nodes of a cluster answer. */
export class Nodes {
  readonly #client: Pick<KubernetesClient, 'ask'>;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly at: number; readonly silence: string | undefined }>();

  constructor(client: Pick<KubernetesClient, 'ask'>, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Why a node counts as silent, by the last look; undefined if it answers, or that is not known. */
  silenceOf(name: string): string | undefined {
    return this.#known.get(name)?.silence;
  }

  /** Looks at a node, unless it was looked at just now. */
  async look(name: string, signal: AbortSignal): Promise<void> {
    const known = this.#known.get(name);
    if (known !== undefined && this.#clock.now() - known.at < BELIEVED_MS) return;
    this.#known.set(name, { at: this.#clock.now(), silence: await this.#ask(name, signal) });
  }

  async #ask(name: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const path = pathOf(NODES, '', name);
      const node = await this.#client.ask({ path, what: 'GET nodes' }, signal);
      // Something between us and the API has answered: that says nothing of the node.
      if (metadataOf(node) === undefined) return undefined;
      const ready = items(object(node['status'])['conditions']).find(({ type }) => type === 'Ready');
      if (ready === undefined) return `its node ${name} has never answered`;
      if (ready['status'] === 'True') return undefined;
      const since = timeIn(ready['lastTransitionTime']);
      return `its node ${name} has not answered${since === undefined ? '' : ` since ${new Date(since).toISOString()}`}`;
    } catch (error) {
      return isNotFound(error) ? `its node ${name} is gone` : undefined;
    }
  }
}
