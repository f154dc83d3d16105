import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Script, Variables } from './ci-systems';

const examples = join(import.meta.dirname, '..', '..', '..', 'examples');

/** Where the examples have node_exporter read metrics: tests put a directory of their own in its place. */
export const METRICS_DIRECTORY = '/var/lib/prometheus/node-exporter';

/** A command, and the environment that it is started with. */
export interface Started {
  readonly script: Script;
  readonly variables: Variables;
}

/**
 * The one line of a file for /etc/cron.d, as cron has it run: `sh -c`, with the file's variables. What a crontab can do besides (`%`,
 * quoted variables) the example leaves alone.
 */
export function cronJob(): Started {
  const lines = readFileSync(join(examples, 'cleanup-action.cron'), 'utf8').split('\n');
  const assignments = lines.flatMap((line) =>
    [...line.matchAll(/^(\w+)=(.*)$/g)].map(([, name = '', value = '']) => [name, value]),
  );
  const [command, another] = lines.flatMap((line) => /^(?:[\d*,/-]+ +){5}[\w-]+ +(.+)$/.exec(line)?.[1] ?? []);
  if (command === undefined || another !== undefined) throw new Error('the crontab has not one line with a command');
  return { script: { shell: ['sh', '-c'], text: command }, variables: Object.fromEntries(assignments) };
}

/**
 * What systemd starts for the example's service: without the confinement, and with a state directory of the test's own.
 * @param program takes the place of the one that is installed on a machine
 */
export function serviceCommand(program: string, stateDirectory: string): Started {
  const unit = readFileSync(join(examples, 'systemd', 'cleanup-action.service'), 'utf8').replaceAll('%S', stateDirectory);
  const values = (key: string) => [...unit.matchAll(new RegExp(`^${key}=(.+)$`, 'gm'))].map(([, value = '']) => value);
  const [command = ''] = values('ExecStart');
  const variables = Object.fromEntries(values('Environment').map((assignment) => assignment.split('=', 2)));
  return { script: { shell: ['sh', '-c'], text: command.replace(/^\S+/, program) }, variables };
}

/** A hook of GitHub's runner, as it starts it: `bash -e <path>`. */
export function runnerHook(name: 'job-started' | 'job-completed'): Script {
  return { shell: ['bash', '-e'], text: join(examples, 'runner-hooks', `${name}.sh`) };
}

interface FleetFile {
  readonly jobs: { readonly sweep: { readonly steps: readonly [{ readonly with: Readonly<Record<string, string | boolean>> }] } };
}

/** The inputs that the fleet's workflow gives to the action. */
export function fleetInputs(): Readonly<Record<string, string>> {
  const { jobs }: FleetFile = parse(readFileSync(join(examples, 'fleet-cleanup.yml'), 'utf8'));
  return Object.fromEntries(Object.entries(jobs.sweep.steps[0].with).map(([name, value]) => [name, String(value)]));
}
