import { existsSync } from 'node:fs';
import { isAlive, type ProcessIdentity } from '../lib/process-identity';
import { die, inherited, keepPartner, once } from './pair';
import { type Dials, listenAll, type ProxySettings, passEach, removeSocket, serveEach, variablesOf } from './servers';

/** The settings of a proxy's process: JSON in its first argument. */
export interface ProcessSettings extends ProxySettings {
  /** A file: the proxy ends when it is gone. */
  readonly lease: string;
  /** The proxy ends with this process: a runner's worker, which lives as long as its job. */
  readonly owner?: ProcessIdentity;
}

/** The process's message when it listens. */
export interface Ready {
  readonly variables: Readonly<Record<string, string>>;
}

/** Milliseconds between two checks whether the session is over. */
const LOOK_EVERY_MS = 500;

/** The argument that makes a process the second of two. */
const SECOND = 'second';

/** Runs a proxy's process until its session is over. */
export async function proxyProcess([json = '', position]: readonly string[], dials: Dials): Promise<void> {
  const settings = JSON.parse(json) as ProcessSettings;
  // Outlive a step's `killall node`, and signals: both mean the step's own processes.
  process.title = `cleanup-proxy ${settings.lease}`;
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const end = () => {
    removeSocket(settings);
    process.exit();
  };
  let fail = die;
  process.on('uncaughtException', (error) => {
    console.error(error);
    fail();
  });
  const isOver = () => !existsSync(settings.lease) || (settings.owner !== undefined && !isAlive(settings.owner));
  setInterval(() => isOver() && end(), LOOK_EVERY_MS);

  const isSecond = position === SECOND;
  const servers = await (isSecond ? inherited({ ...settings }) : listenAll(settings));
  serveEach(settings, servers, dials, (error) => console.error(error));
  const partner = keepPartner({ servers, isSecond, isOver, command: [process.argv[1] ?? '', json, SECOND] });
  fail = once(() => {
    // Unlabelled is better than broken.
    passEach(settings, servers, dials);
    partner.replaceThis();
  });
  const ready: Ready = { variables: variablesOf(settings, servers) };
  if (!isSecond) process.send?.(ready, () => process.disconnect?.());
}
