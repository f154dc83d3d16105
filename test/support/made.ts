import { randomUUID } from 'node:crypto';
import { afterEach } from 'vitest';

type Removal = () => Promise<unknown>;

/**
 * Where tests put what removes the things that they make: done after each test, or with `afterAll` after all
 * of them, the last made first.
 */
export function removedLater(after: (remove: () => Promise<void>) => void = afterEach): Removal[] {
  const made: Removal[] = [];
  after(async () => {
    for (const remove of made.splice(0).reverse()) await remove().catch(() => undefined);
  });
  return made;
}

/** A name that nothing else has. */
export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}
