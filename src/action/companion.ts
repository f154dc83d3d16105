import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exportVariable } from '@actions/core';
import type { Config } from '../config/config';
import type { Access } from '../core/lifetimes';
import type { Environment } from '../lib/environment';
import { asError } from '../lib/errors';
import type { ProcessIdentity } from '../lib/process-identity';
import type { Log } from '../phases/log';
import { lifelineIn, NO_PROXY, NoProxy, type ProxyContext, type ProxyPlan, planProxy } from '../phases/proxy';
import { beginRenewal, renewalNotesFile } from '../phases/renewal-notes';
import { noWatchdogOn } from '../phases/watchdog';
import { launchProxy } from '../proxy/launch';
import type { RenewalSettings } from '../proxy/renewal';
import { plainLine } from '../report/escape';
import { time } from '../report/words';
import { inPlaceEnvironment, stateCopyIn } from './state';

type Variables = Readonly<Record<string, string>>;

/** What main changed in later steps' environment, for post to change it back. */
interface Lifeline {
  readonly exported: Variables;
  readonly before: Variables;
}

/** `watchdog` is true, and there can't be one. */
export class NoWatchdog extends Error {
  override readonly name = 'NoWatchdog';
}

export interface CompanionContext extends ProxyContext {
  readonly config: ProxyContext['config'] & Pick<Config, 'watchdog' | 'sandboxTtl' | 'run' | 'dryRun'>;
  /** The companion ends with it, or cleans up when it ends too early. */
  readonly worker: ProcessIdentity;
}

/**
 * Starts a process beside the job, with three duties: it is the proxy, through which it leads later
 * steps, and the watchdog, which cleans up when the runner is gone before post ran; and it renews
 * what ends by itself.
 * @returns the variables that lead through the proxy
 * @throws {NoProxy | NoWatchdog} when the setting is true, and there can't be one
 */
export async function startCompanion(context: CompanionContext, log: Log): Promise<Variables> {
  const { proxy, watchdog } = context.config;
  const hasWatchdog = isWatched(context, log);
  const renewal = renewalFor(context, log);
  try {
    const plan = isInContainer(context) && proxy !== true ? undefined : await planProxy(context);
    return plan || hasWatchdog || renewal ? await launch({ plan, hasWatchdog, renewal }, context, log) : {};
  } catch (error) {
    if (error instanceof NoProxy) throw error;
    const why = asError(error).message;
    if (proxy === true) throw new NoProxy(`proxy is true, and can’t be started: ${why}`, { cause: error });
    if (watchdog === true) throw new NoWatchdog(`watchdog is true, and can’t be started: ${why}`, { cause: error });
    const also = renewal ? ', and sandbox-ttl is not set' : '';
    log.warning(plainLine(`What later steps create is not labelled, and nothing watches over the job${also}: ${why}`), 'Proxy');
    return {};
  }
}

/**
 * Whether the runner is outside of this container, as in a job with `container`. Then its own
 * docker command would not find a socket in here, and processes in here end with the container.
 */
function isInContainer({ worker }: CompanionContext): boolean {
  return worker.pid === 0;
}

/** @throws {NoWatchdog} */
function isWatched(context: CompanionContext, log: Log): boolean {
  const { config, connections } = context;
  if (config.watchdog === false) return false;
  const why = hindranceFor(context);
  if (why === undefined) return connections.some(({ status }) => status === 'ready');
  if (config.watchdog === true) throw new NoWatchdog(`watchdog is true, and there can’t be one: ${why}`);
  log.info(`If the runner is killed, the next job or a sweep cleans up: ${why}.`);
  return false;
}

/** Why no process can watch over the job; undefined where one can. */
function hindranceFor(context: CompanionContext): string | undefined {
  return isInContainer(context) ? 'this job’s container ends with its runner' : noWatchdogOn(context.platform);
}

interface RenewalPlan {
  readonly settings: RenewalSettings;
  readonly access: Access;
}

/** Plans `sandbox-ttl` beside later steps. Beside `run`, main renews by itself. */
function renewalFor(context: CompanionContext, log: Log): RenewalPlan | undefined {
  const { config, connections, session, directory } = context;
  const { sandboxTtl: ttlMs, run, dryRun } = config;
  const [access] = connections.flatMap((found) => (found.status === 'ready' && found.lifetimes ? [found.lifetimes.access] : []));
  if (ttlMs === undefined || run !== undefined || dryRun || access === undefined) return undefined;
  const why = hindranceFor(context);
  if (why === undefined) return { settings: { sessionId: session.id, ttlMs, notes: renewalNotesFile(directory) }, access };
  warnOfNoRenewal(why, log);
  return undefined;
}

function warnOfNoRenewal(why: string, log: Log): void {
  log.warning(plainLine(`sandbox-ttl is not set: nothing would renew it beside later steps, because ${why}.`), 'Sandbox TTL');
}

/** The companion's duties. */
interface Duties {
  readonly plan: ProxyPlan | undefined;
  readonly hasWatchdog: boolean;
  readonly renewal: RenewalPlan | undefined;
}

async function launch(
  { plan, hasWatchdog, renewal }: Duties,
  { directory, worker, env }: CompanionContext,
  log: Log,
): Promise<Variables> {
  const lifeline = lifelineIn(directory);
  // The bundles are side by side.
  const bundleOf = (name: string) => join(dirname(process.argv[1] ?? ''), '..', name, 'index.js');
  if (renewal) await beginRenewal(renewal.settings.notes);
  const { variables, renews } = await launchProxy({
    program: [bundleOf('proxy')],
    settings: {
      ...(plan?.settings ?? NO_PROXY),
      lifeline,
      owner: worker,
      ...(hasWatchdog ? { watchdog: { command: [bundleOf('post')] } } : {}),
      ...(renewal ? { renewal: renewal.settings } : {}),
    },
    log: join(directory, 'proxy.log'),
    env,
    confidence: {
      environment: hasWatchdog ? inPlaceEnvironment(env, stateCopyIn(directory)) : {},
      ...(renewal ? { access: renewal.access } : {}),
    },
  });
  const exported = { ...variables, ...plan?.besides };
  const before = Object.fromEntries(Object.keys(exported).map((name) => [name, env[name] ?? '']));
  await writeFile(lifeline, JSON.stringify({ exported, before } satisfies Lifeline));
  for (const [name, value] of Object.entries(exported)) exportVariable(name, value);
  if (plan) log.info(plainLine(proxyLine(plan.labelled, Object.keys(variables))));
  if (renewal && renews) log.info(renewalLine(renewal.settings));
  if (renewal && !renews) warnOfNoRenewal('the part that renews could not be started', log);
  return exported;
}

function proxyLine(labelled: string, names: readonly string[]): string {
  const lead = `${names.join(' and ')} ${names.length > 1 ? 'lead' : 'leads'} through a proxy`;
  return `${labelled} that later steps create are labelled: ${lead}.`;
}

function renewalLine({ ttlMs }: RenewalSettings): string {
  return `The session’s sandboxes end by themselves ${time(ttlMs)} after they were renewed last, which they are while later steps run.`;
}

/** Whether post has done its work: it ends the companion at last. */
export function isFinished(directory: string): boolean {
  return !existsSync(lifelineIn(directory));
}

/** Ends the companion, and leads what comes after post where main found it. */
export async function endCompanion(directory: string, env: Environment): Promise<void> {
  const lifeline = lifelineIn(directory);
  const text = await readFile(lifeline, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  await rm(lifeline);
  const { exported = {}, before = {} } = JSON.parse(text) as Partial<Lifeline>;
  for (const [name, value] of Object.entries(exported)) {
    // A later step may have set its own.
    if (env[name] === value) exportVariable(name, before[name] ?? '');
  }
}
