import type { Resource } from '../core/resource';
import type { SparedReport, UnownedReport } from '../report/model';
import type { Spared } from './selection';

/** Names that are told of each group: more of them tell people nothing more. */
const MAX_NAMES = 5;

/** Counts resources by provider and kind. */
export function counted(resources: readonly Resource[]): readonly UnownedReport[] {
  const inOrder = new Intl.Collator('en', { numeric: true });
  return [...Map.groupBy(resources, ({ provider, kind }) => `${provider} ${kind}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const names = group
      .map(({ name }) => name)
      .sort(inOrder.compare)
      .slice(0, MAX_NAMES);
    return { provider: first.provider, kind: first.kind, count: group.length, names };
  });
}

/** Counts resources by provider, kind, and the reason for which they stay. */
export function countedSpared(spared: readonly Spared[]): readonly SparedReport[] {
  return [...Map.groupBy(spared, ({ why }) => why)].flatMap(([why, group]) =>
    counted(group.map(({ resource }) => resource)).map((count) => ({ ...count, why })),
  );
}
