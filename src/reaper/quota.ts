import type { Resource } from '../core/resource';

/**
 * Chooses what must go so that `max` are left: first stopped resources, then the oldest.
 * @param removable the others count but stay
 */
export function excess(
  resources: readonly Resource[],
  max: number,
  removable: (resource: Resource) => boolean,
): readonly Resource[] {
  const age = ({ createdAt }: Resource) => createdAt ?? Number.POSITIVE_INFINITY;
  const order = (a: Resource, b: Resource) => Number(a.running) - Number(b.running) || age(a) - age(b) || 0;
  return resources
    .filter(removable)
    .toSorted(order)
    .slice(0, Math.max(0, resources.length - max));
}
