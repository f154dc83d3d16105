import { keyOf, type Resource } from '../../core/resource';
import { systemClock } from '../../lib/clock';
import type { Selection } from '../../phases/selection';
import { Progress } from '../../report/terminal/progress';
import type { Output } from './output';

/** Counts the resources that were found and those that have an outcome: for progress, and to name what is left when it is interrupted. */
export class ProgressCounter {
  readonly #found = new Map<string, Resource>();
  readonly #settled = new Set<string>();
  /** Called with every change. */
  onChange: () => void = () => undefined;

  /** Counts what the selection chooses from each listing. */
  track(selection: Selection): Selection {
    const { choose = (selected: readonly Resource[]) => selected } = selection;
    return {
      ...selection,
      choose: (selected, seen) => {
        const chosen = choose(selected, seen);
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

  /** The resources without an outcome yet. */
  get left(): readonly Resource[] {
    return [...this.#found].flatMap(([key, resource]) => (this.#settled.has(key) ? [] : [resource]));
  }
}

/** Shows on a terminal how far the work has come. Elsewhere a line is printed for each resource. */
export async function withProgress<T>(
  output: Output,
  what: string,
  counter: ProgressCounter,
  work: () => Promise<T>,
): Promise<T> {
  if (!output.isLive) return work();
  const write = (text: string) => output.paint(text);
  const progress = new Progress({ what, write, columns: output.errorColumns, clock: systemClock });
  counter.onChange = () => progress.update(counter.settled, counter.found);
  output.painting(() => progress.clear());
  try {
    return await work();
  } finally {
    counter.onChange = () => undefined;
    progress.end();
    output.painting(undefined);
  }
}
