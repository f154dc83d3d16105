import * as core from '@actions/core';
import type { Config } from '../config/config';
import { earlierSessions } from '../github/runner';
import { saveFound } from '../github/state';
import { systemClock } from '../reaper/clock';
import type { Connection } from '../reaper/connection';
import { Deadline } from '../reaper/deadline';
import { plainLine } from '../report/escape';
import { providerLine } from '../report/lines';
import { type PhaseReport, providerReport } from '../report/model';
import { cleanUp } from './cleanup';
import { discoverProviders } from './providers';
import { selectBefore } from './selection';
import { writeSnapshot } from './snapshot';

const clock = systemClock;

export interface PreCleaned {
  readonly pre: PhaseReport;
  /** What was found: post uses the same. */
  readonly connections: readonly Connection[];
}

/**
 * Looks for all providers, and removes what earlier runs left.
 * @returns undefined when a required provider is not there; the step has failed then
 */
export async function preClean(
  config: Config,
  sessionId: string,
  directory: string,
  startedAt: number,
): Promise<PreCleaned | undefined> {
  const deadline = new Deadline(clock, config.deadline);
  core.startGroup(`Pre-cleanup (${config.preCleanup})`);
  try {
    const connections = await Promise.all(discoverProviders(config, process.env, clock, deadline, {}));
    saveFound(Object.fromEntries(connections.flatMap((found) => (found.status === 'ready' ? [[found.name, found.found]] : []))));
    const missing = connections.filter(({ status }) => status === 'unavailable');
    if (missing.length > 0) {
      core.setFailed(missing.map(requiredButMissing).join('\n'));
      return undefined;
    }
    if (config.scope === 'job') await writeSnapshot(directory, startedAt, connections, deadline);
    for (const connection of connections) core.info(providerLine(providerReport(connection)));
    const pre = await cleanUp({
      connections,
      selection: selectBefore(config, sessionId, earlierSessions(process.env), clock.now()),
      mode: config.dryRun ? { kind: 'plan' } : { kind: 'remove' },
      config,
      deadline,
      clock,
      log: core.info,
    });
    return { pre, connections };
  } finally {
    core.endGroup();
    deadline.dispose();
  }
}

function requiredButMissing(connection: Connection): string {
  const reason = connection.status === 'ready' ? '' : connection.reason;
  return plainLine(`${connection.name} is set to true, but there is ${reason}`);
}
