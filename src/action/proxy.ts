import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exportVariable } from '@actions/core';
import type { Environment } from '../lib/environment';
import { asError } from '../lib/errors';
import { processWith } from '../lib/process-identity';
import type { Log } from '../phases/log';
import { leaseIn, NoProxy, type ProxyContext, type ProxyPlan, planProxy } from '../phases/proxy';
import { launchProxy } from '../proxy/launch';
import { plainLine } from '../report/escape';

type Variables = Readonly<Record<string, string>>;

/** What main changed in later steps' environment, for post to change it back. */
interface Lease {
  readonly exported: Variables;
  readonly before: Variables;
}

/**
 * Starts the proxy as a process of its own, and leads later steps through it.
 * @returns the variables that do
 * @throws {NoProxy} when `proxy` is true, and there can't be one
 */
export async function startProxy(context: ProxyContext, log: Log): Promise<Variables> {
  const isRequired = context.config.proxy === true;
  // Started from outside of this container: the job has one, and the runner's own docker command
  // would not find a socket in it.
  if (process.ppid === 0 && !isRequired) return {};
  try {
    const plan = await planProxy(context);
    return plan ? await launch(plan, context, log) : {};
  } catch (error) {
    if (error instanceof NoProxy) throw error;
    if (isRequired) throw new NoProxy(`proxy is true, and can’t be started: ${asError(error).message}`, { cause: error });
    log.warning(plainLine(`What later steps create is not labelled: ${asError(error).message}`), 'Proxy');
    return {};
  }
}

async function launch(
  { settings, besides, labelled }: ProxyPlan,
  { directory, env }: ProxyContext,
  log: Log,
): Promise<Variables> {
  const lease = leaseIn(directory);
  // The bundles are side by side.
  const bundle = join(dirname(process.argv[1] ?? ''), '..', 'proxy', 'index.js');
  // The runner starts one worker for each job, and the worker starts main.
  const own = { ...settings, lease, owner: processWith(process.ppid) };
  const { variables } = await launchProxy(bundle, own, join(directory, 'proxy.log'), env);
  const exported = { ...variables, ...besides };
  const before = Object.fromEntries(Object.keys(exported).map((name) => [name, env[name] ?? '']));
  await writeFile(lease, JSON.stringify({ exported, before } satisfies Lease));
  for (const [name, value] of Object.entries(exported)) exportVariable(name, value);
  const names = Object.keys(variables);
  const lead = `${names.join(' and ')} ${names.length > 1 ? 'lead' : 'leads'} through a proxy`;
  log.info(plainLine(`${labelled} that later steps create are labelled: ${lead}.`));
  return exported;
}

/** Ends the proxy, and leads what comes after post where main found it. */
export async function endProxy(directory: string, env: Environment): Promise<void> {
  const lease = leaseIn(directory);
  const text = await readFile(lease, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  await rm(lease);
  const { exported = {}, before = {} } = JSON.parse(text) as Partial<Lease>;
  for (const [name, value] of Object.entries(exported)) {
    // A later step may have set its own.
    if (env[name] === value) exportVariable(name, before[name] ?? '');
  }
}
