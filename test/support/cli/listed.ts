import type { InventoryItem } from '../../../src/cli/list/inventory';
import type { Resource } from '../../../src/core/resource';

/** A resource as `list` has it. */
export function listed({
  resource = {},
  ...own
}: Partial<Omit<InventoryItem, 'resource'>> & { readonly resource?: Partial<Resource> } = {}): InventoryItem {
  return {
    resource: {
      provider: 'docker',
      kind: 'container',
      id: '0123456789abcdef0123',
      name: 'task-1',
      state: 'running',
      running: true,
      labels: {},
      ...resource,
    },
    session: 'cli-me.1a2b3c4d.aaaaaaaa',
    live: false,
    evidence: undefined,
    runUrl: undefined,
    ageMs: 7_200_000,
    size: undefined,
    protection: undefined,
    ...own,
  };
}
