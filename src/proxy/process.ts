import { existsSync } from 'node:fs';
import type { Access } from '../core/lifetimes';
import { isAlive, type ProcessIdentity } from '../lib/process-identity';
import { die, inherited, keepPartner, once } from './pair';
import { type Renew, Renewal, type RenewalSettings } from './renewal';
import { type Dials, listenAll, type ProxySettings, passEach, removeSocket, serveEach, variablesOf } from './servers';
import { Rescue, type WatchdogSettings } from './watchdog';

/** The settings of a proxy's process: JSON in its first argument. */
export interface ProcessSettings extends ProxySettings {
  /** A file: the proxy ends when it is gone. */
  readonly lifeline: string;
  /** The proxy ends with this process: a runner's worker, which lives as long as its job, or `run`. */
  readonly owner?: ProcessIdentity;
  /** What to do when the owner has ended, and the lifeline is still there. Nothing by default. */
  readonly watchdog?: WatchdogSettings;
  /** What to renew as long as the owner lives, and the lifeline is there. Nothing by default. */
  readonly renewal?: RenewalSettings;
}

/** What only some programs have, and load when it is needed. */
export interface Parts {
  readonly dials: Dials;
  readonly renew?: Renew;
}

/** The process's message when it listens. */
export interface Ready {
  readonly variables: Readonly<Record<string, string>>;
  /** Whether it renews what it is to renew. */
  readonly renews: boolean;
}

/**
 * What the process is told once it runs, and tells the other: keys are kept in memory, and in no
 * command line.
 */
export interface Confidence {
  /** That of the watchdog's program. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For the renewal. */
  readonly access?: Access;
}

/** Milliseconds between two checks whether the session is over. */
const LOOK_EVERY_MS = 1_000;

/** The argument that makes a process the second of two. */
const SECOND = 'second';

/**
 * Runs a proxy's process until its session is over.
 * @param argv this process's
 * @param at the number of its first argument: those before it start the program
 */
export async function proxyProcess(argv: readonly string[], { dials, renew }: Parts, at = 2): Promise<void> {
  const [json = '', position] = argv.slice(at);
  const settings = JSON.parse(json) as ProcessSettings;
  // Outlive a step's `killall node`, and signals: both mean the step's own processes.
  process.title = `cleanup-proxy ${settings.lifeline}`;
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
  const { lifeline, owner, watchdog } = settings;
  const isSecond = position === SECOND;
  const isFinished = () => !existsSync(lifeline);
  const isOrphaned = () => owner !== undefined && !isAlive(owner);
  // From now on: what starts this process may end at any time.
  const confiding = told();
  let confidence: Confidence = { environment: {} };
  let renewal: Renewal | undefined;
  const rescue = watchdog && new Rescue(watchdog, lifeline, () => confidence.environment, isProxy(settings));
  const isOver = () => isFinished() || isOrphaned();
  setInterval(() => {
    // One of the two is enough: the second, when the first is gone.
    const isInCharge = !(isSecond && process.connected);
    renewal?.look(isInCharge, isOver());
    if (!isOrphaned()) return isFinished() && end();
    return (rescue === undefined || rescue.isOver(isInCharge)) && end();
  }, LOOK_EVERY_MS);

  const servers = await (isSecond ? inherited({ ...settings }) : listenAll(settings));
  serveEach(settings, servers, dials, (error) => console.error(error));
  confidence = await confiding;
  if (settings.renewal && confidence.access && renew) renewal = new Renewal(settings.renewal, confidence.access, renew);
  renewal?.look(!isSecond, isOver());
  const command = [...argv.slice(1, at), json, SECOND];
  const partner = keepPartner({ servers, isSecond, isOver, command, tell: confidence });
  fail = once(() => {
    // Unlabelled is better than broken.
    passEach(settings, servers, dials);
    partner.replaceThis();
  });
  const ready: Ready = { variables: variablesOf(settings, servers), renews: renewal?.isAtWork === true };
  if (!isSecond) process.send?.(ready, () => process.connected && process.disconnect());
}

function isProxy({ engine, sandboxes }: ProxySettings): boolean {
  return engine !== undefined || sandboxes !== undefined;
}

/** Waits for what the process that started this one tells it. Nothing if that one has ended before. */
async function told(): Promise<Confidence> {
  return new Promise((resolve) => {
    process.once('message', (message) => resolve(message as Confidence));
    process.once('disconnect', () => resolve({ environment: {} }));
  });
}
