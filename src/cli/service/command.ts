import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { type Command, Option } from 'commander';
import { plainLine } from '../../report/escape';
import { UsageError } from '../exit';
import { addOutputOptions, type OutputOptions, outputOf } from '../options/output-options';
import { installService, type ServicePlace, uninstallService } from './service';
import { Systemd } from './systemd';

/** As commander reads the options of `install-service`. */
interface ServiceCommandOptions extends OutputOptions {
  readonly user?: boolean;
  readonly runAs?: string;
}

const EXAMPLES = `
It writes a systemd service and its timer, which run
“cleanup-action sweep --stale --quiet” after each start of the machine, and
hourly, and a file for settings and secrets that only its owner can read.
Once more changes nothing that is as it should be.

Examples:
  sudo cleanup-action install-service --run-as runner   for the jobs of a runner
  cleanup-action install-service --user                 for this user’s own runs
`;

const UNINSTALL_EXAMPLES = `
The file with settings and secrets stays.

Examples:
  sudo cleanup-action uninstall-service
  cleanup-action uninstall-service --user
`;

export function addServiceCommands(program: Command, env: NodeJS.ProcessEnv): void {
  const install = program
    .command('install-service')
    .description('Let systemd sweep leftovers of ended sessions, after each boot and hourly')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServiceCommandOptions) => installService(placeFor(options, env), await serviceFor(options, env)));
  install.addOption(userOption());
  install.addOption(
    new Option(
      '--run-as <user>',
      'the user that it runs as: the runner’s, whose jobs it knows to be over (default: who called sudo, else root)',
    ).helpGroup('Options:'),
  );
  const uninstall = program
    .command('uninstall-service')
    .description('Remove what install-service wrote, but for settings')
    .addHelpText('after', UNINSTALL_EXAMPLES)
    .action(async (options: ServiceCommandOptions) => uninstallService(placeFor(options, env)));
  uninstall.addOption(userOption());
  for (const command of [install, uninstall]) addOutputOptions(command);
}

function userOption(): Option {
  return new Option('--user', 'for systemd’s instance of this user, not that of the machine').helpGroup('Options:');
}

/** @throws {UsageError} for the machine’s systemd without root’s rights */
function placeFor(options: ServiceCommandOptions, env: NodeJS.ProcessEnv): ServicePlace {
  const output = outputOf(options, env);
  const say = (line: string) => output.info(plainLine(line));
  if (options.user) {
    const named = env['XDG_CONFIG_HOME'] ?? '';
    const directory = isAbsolute(named) ? named : join(homedir(), '.config');
    const settingsFile = join(directory, 'cleanup-action.env');
    return { systemd: new Systemd('--user', env), units: join(directory, 'systemd', 'user'), settingsFile, say };
  }
  if (process.getuid?.() !== 0)
    throw new UsageError('the machine’s services are root’s: use sudo, or --user for one of your own');
  return {
    systemd: new Systemd('--system', env),
    units: '/etc/systemd/system',
    settingsFile: '/etc/cleanup-action.env',
    say,
  };
}

/** https://systemd.io/USER_NAMES/ */
const USER_NAME = /^[a-z_][\w.-]{0,30}\$?$/i;

async function serviceFor({ user, runAs }: ServiceCommandOptions, env: NodeJS.ProcessEnv) {
  const program = [process.execPath, await realpath(process.argv[1] ?? '')];
  if (program.some((path) => /\/_npx\/|[\n\r]/.test(path))) {
    throw new UsageError('npx keeps programs only for a while: install cleanup-action, then run it without npx');
  }
  if (user && runAs !== undefined) throw new UsageError('--user and --run-as exclude each other');
  if (user) return { program };
  const name = runAs ?? env['SUDO_USER'] ?? 'root';
  if (!USER_NAME.test(name) || !(await isUser(name))) {
    throw new UsageError(`--run-as: ${JSON.stringify(name)} is not the name of a user of this machine`);
  }
  return { program, runAs: name };
}

async function isUser(name: string): Promise<boolean> {
  return promisify(execFile)('id', ['-u', name]).then(
    () => true,
    () => false,
  );
}
