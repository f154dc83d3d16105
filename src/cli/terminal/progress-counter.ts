import { keyOf, type Resource } from '../../core/resource';
import type { Selection } from '../../phases/selection';

/** What has been found so far, and what has come to an outcome: for progress, and for what is left when all is broken off. */
export class ProgressCounter {
  readonly #found = new Map<string, Resource>();
  readonly #settled = new Set<string>();
  /** Called with every change. */
  onChange: () => void = () => undefined;

  /** The same selection, which counts what each listing shows. */
  track({ selector, choose = (selected) => selected }: Selection): Selection {
    return {
      selector,
      choose: (selected) => {
        const chosen = choose(selected);
        for (const resource of chosen) this.#found.set(keyOf(resource), resource);
        this.onChange();
        return chosen;
      },
    };
  }

  settle(resource: Pick<Resource, 'provider' | 'kind' | 'id'>): void {
    this.#settled.add(keyOf(resource));
    this.onChange();
  }

  get found(): number {
    return this.#found.size;
  }

  get settled(): number {
    return this.#settled.size;
  }

  /** What has not come to an outcome yet. */
  get left(): readonly Resource[] {
    return [...this.#found].flatMap(([key, resource]) => (this.#settled.has(key) ? [] : [resource]));
  }
}
