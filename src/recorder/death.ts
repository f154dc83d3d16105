import type { End } from './container-tracker';
import type { KeptLog } from './logs/log-keeper';

/** Which logs are kept: of what failed, all, none. */
export type LogsWanted = 'failed' | 'all' | 'none';

/** How a container ended, and what became of its log. */
export interface Death extends End {
  readonly log: KeptLog;
}

/** It ended in another way than it should have, or nobody knows how. */
export function isFailure({ exitCode, oomKilled, container }: End): boolean {
  return exitCode !== 0 || oomKilled || container.state === 'dead';
}

/** Why nobody wants the log of this one; undefined when it is wanted. */
export function whyUnwanted(end: End, wanted: LogsWanted): string | undefined {
  if (wanted === 'none') return 'logs is none';
  return wanted === 'failed' && !isFailure(end) ? 'it did not fail, and logs is failed' : undefined;
}
