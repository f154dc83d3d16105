import type { End } from './container-tracker';
import { type KeptLog, noLog } from './logs/log-keeper';

/** Whose logs are kept: those of containers that failed, of all, of none. */
export type LogsWanted = 'failed' | 'all' | 'none';

/** How a container ended, and where its log is. */
export interface Death extends End {
  readonly log: KeptLog;
}

/** It ended with an error, asked to or not, or it is not known how. */
function isError({ exitCode, oomKilled, container }: End): boolean {
  return exitCode !== 0 || oomKilled || container.state === 'dead';
}

/** The reason why the log of a container is not kept; undefined where it is. */
export function unwantedLog(end: End, wanted: LogsWanted): KeptLog | undefined {
  if (end.neverStarted !== undefined) return noLog('unwanted', `it never ran: ${end.neverStarted}`);
  if (wanted === 'none') return noLog('unwanted', 'logs is none');
  return wanted === 'failed' && !isError(end) ? noLog('unwanted', 'it did not fail, and logs is failed') : undefined;
}
