import { items, object, text } from '../../lib/json-shape';
import type { Thing } from './scene';

/** Finalizers that Kubernetes lifts itself: for deletion in order, jobs' records, used storage. */
const PASSING: ReadonlySet<string> = new Set([
  ...['foregroundDeletion', 'orphan', 'kubernetes'],
  ...['batch.kubernetes.io/job-tracking', 'kubernetes.io/pvc-protection', 'kubernetes.io/pv-protection'],
]);

/** What an object's deletion waits for, if that does not pass by itself. */
export function whatHolds({ api, metadata, item }: Thing): string | undefined {
  return api.kind === 'namespace' ? whatHoldsNamespace(item) : whoMustLift(metadata.finalizers);
}

function whatHoldsNamespace(item: Thing['item']): string | undefined {
  const messages = items(object(item['status'])['conditions']).flatMap(({ type, status, message }) =>
    status === 'True' && /^Namespace/.test(text(type) ?? '') ? (text(message) ?? []) : [],
  );
  return messages.length === 0 ? undefined : `its deletion waits: ${messages.join('; ')}`;
}

function whoMustLift(finalizers: readonly string[]): string | undefined {
  const holding = finalizers.filter((finalizer) => !PASSING.has(finalizer));
  if (holding.length === 0) return undefined;
  const [what, it] = holding.length === 1 ? ['the finalizer', 'it'] : ['the finalizers', 'them'];
  return `its deletion waits for ${what} ${holding.join(', ')}: whoever set ${it} must lift ${it}`;
}
