import { labels as ownLabels } from '../../../core/labels';
import type { Resource } from '../../../core/resource';
import type { OwnContainer } from './own-container';

/**
 * The runner marks its job and service containers, and their networks, with a label whose key is six hex digits of a hash over its
 * own directory. https://github.com/actions/runner/blob/main/src/Runner.Worker/Container/DockerCommandManager.cs
 */
const RUNNER_LABEL = /^[0-9a-f]{6}$/;

/** Why this resource must stay, whatever selects it. */
export function protectionOn({ kind, id, labels }: Resource, own: OwnContainer | undefined): string | undefined {
  if (kind === 'container' && id === own?.id) return 'this action runs in it';
  if (kind === 'network' && own?.networks.includes(id)) return 'the container that this action runs in is on it';
  if (labels[ownLabels.session] !== undefined) return undefined; // Which outranks the guess below.
  const isRunners = Object.entries(labels).some(([key, value]) => RUNNER_LABEL.test(key) && value === '');
  return isRunners ? 'it belongs to the GitHub runner' : undefined;
}
