import { KINDS } from '../../core/resource';
import type { InventoryItem } from './inventory';

export const SORT_KEYS = ['age', 'size', 'name', 'kind', 'state', 'session', 'provider'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

type Order = (a: InventoryItem, b: InventoryItem) => number;

/** The oldest and largest come first, unknown values last. */
const ORDERS: Readonly<Record<SortKey, Order>> = {
  age: (a, b) => (b.ageMs ?? -1) - (a.ageMs ?? -1),
  size: (a, b) => (b.size ?? -1) - (a.size ?? -1),
  name: (a, b) => byText(a.resource.name, b.resource.name),
  kind: (a, b) => KINDS.indexOf(a.resource.kind) - KINDS.indexOf(b.resource.kind),
  state: (a, b) => byText(a.resource.state, b.resource.state),
  session: (a, b) => byText(a.session ?? '\uffff', b.session ?? '\uffff'),
  provider: (a, b) => byText(a.resource.provider, b.resource.provider),
};

const collator = new Intl.Collator('en', { numeric: true });

function byText(a: string, b: string): number {
  return collator.compare(a, b);
}

/** Sorts by a column, then by age. Default: by provider and kind. */
export function sortResources(
  resources: readonly InventoryItem[],
  key: SortKey | undefined,
  reverse: boolean,
): readonly InventoryItem[] {
  const orders = key === undefined ? [ORDERS.provider, ORDERS.kind, ORDERS.age] : [ORDERS[key], ORDERS.age];
  const order: Order = (a, b) => orders.reduce((difference, next) => difference || next(a, b), 0);
  const inOrder = resources.toSorted(order);
  return reverse ? inOrder.toReversed() : inOrder;
}
