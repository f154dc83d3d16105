import { keyOf, type Resource } from '../../core/resource';
import { systemClock } from '../../lib/clock';
import type { Selection } from '../../phases/selection';
import { Progress } from '../../report/terminal/progress';
import type { Output } from './output';

/** Counts found and settled resources, for progress and to name what is left. */
export class ProgressCounter {
  readonly #found = new Map<string, Resource>();
  readonly #settled = new Set<string>();

  /** Counts what the selection chooses from each listing. */
  track(selection: Selection): Selection {
    const { choose = (selected: readonly Resource[]) => selected } = selection;
    return {
      ...selection,
      choose: (selected, seen) => {
        const chosen = choose(selected, seen);
        for (const resource of chosen) this.#found.set(keyOf(resource), resource);
        return chosen;
      },
    };
  }

  settle(resource: Pick<Resource, 'provider' | 'kind' | 'id'>): void {
    this.#settled.add(keyOf(resource));
  }

  get found(): number {
    return this.#found.size;
  }

  get settled(): number {
    return this.#settled.size;
  }

  /** The resources without an outcome. */
  get left(): readonly Resource[] {
    return [...this.#found].flatMap(([key, resource]) => (this.#settled.has(key) ? [] : [resource]));
  }
}

/** Shows the progress of `work` on a terminal. Elsewhere each resource gets a line. */
export async function withProgress<T>(
  output: Output,
  what: string,
  counter: ProgressCounter,
  work: () => Promise<T>,
): Promise<T> {
  if (!output.isLive) return work();
  const write = (text: string) => output.paint(text);
  const progress = new Progress({ what, write, columns: output.errorColumns, clock: systemClock, counter });
  output.painting(() => progress.clear());
  try {
    return await work();
  } finally {
    progress.end();
    output.painting(undefined);
  }
}
