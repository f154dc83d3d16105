import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { unitsFor } from '../../src/cli/service/units';
import { type Ended, User } from '../support/cli/cli';
import { commandLineBundle } from '../support/cli/command-line';

/** Says yes to everything, and notes what it was asked. A real one answers only where the machine was booted with it. */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >> "$0.asked"
[ ! -e "$0.refuses" ] || { echo "Failed to enable unit: refused" >&2; exit 1; }
`;

let user: User;
let bin: string;
let config: string;

beforeEach(async () => {
  user = await User.create();
  bin = user.path('bin');
  // Whatever characters a directory's name has.
  config = user.path('con fig$HOME 100% "x"');
  await mkdir(bin);
  await writeFile(join(bin, 'systemctl'), SYSTEMCTL, { mode: 0o755 });
});

async function run(...words: readonly string[]): Promise<Ended> {
  const env = { PATH: `${bin}:${process.env['PATH']}`, XDG_CONFIG_HOME: config, DAYTONA_API_KEY: 'dtn_secret_key' };
  return user.start([...words, '--user'], env).ended;
}

async function asked(): Promise<readonly string[]> {
  const text = await readFile(join(bin, 'systemctl.asked'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean);
}

const unit = (name: string) => join(config, 'systemd', 'user', name);
const settings = () => join(config, 'cleanup-action.env');

describe('install-service', () => {
  test('writes a service and its timer, starts the timer, and says so', async () => {
    const { exitCode, stderr } = await run('install-service');
    expect(exitCode, stderr).toBe(0);
    for (const name of ['cleanup-action.service', 'cleanup-action.timer']) expect(stderr).toContain(`${name}: written`);
    expect(await readFile(unit('cleanup-action.service'), 'utf8')).toContain(`${commandLineBundle} sweep --stale --quiet\n`);
    expect(await asked()).toEqual([
      '--user --no-ask-password show --property=Version',
      '--user --no-ask-password daemon-reload',
      '--user --no-ask-password enable cleanup-action.timer',
      '--user --no-ask-password restart cleanup-action.timer',
    ]);
  });

  test('once more changes nothing, but what is not as it should be', async () => {
    await run('install-service');
    await writeFile(unit('cleanup-action.timer'), 'changed');
    await writeFile(settings(), 'CLEANUP_MAX_AGE=7d\n');
    const { exitCode, stderr } = await run('install-service');
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('cleanup-action.service: unchanged');
    expect(stderr).toContain('cleanup-action.timer: written');
    expect(await readFile(settings(), 'utf8')).toBe('CLEANUP_MAX_AGE=7d\n');
    expect(await readFile(unit('cleanup-action.timer'), 'utf8')).toContain('OnCalendar=hourly');
  });

  test('leaves secrets to a file that only its owner can read', async () => {
    await run('install-service');
    expect((await stat(settings())).mode & 0o777).toBe(0o600);
    for (const path of [settings(), unit('cleanup-action.service')]) expect(await readFile(path, 'utf8')).not.toContain('dtn_');
  });

  test('refuses where others can read that file', async () => {
    await run('install-service');
    await chmod(settings(), 0o644);
    const { exitCode, stderr } = await run('install-service');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('chmod 600');
  });

  test('says what systemd says when it refuses', async () => {
    await run('install-service');
    await writeFile(join(bin, 'systemctl.refuses'), '');
    const { exitCode, stderr } = await run('install-service');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('refused');
  });

  test('says what to do where there is no systemd, and writes nothing', async () => {
    await writeFile(join(bin, 'systemctl'), '#!/bin/sh\necho "System has not been booted with systemd" >&2; exit 1');
    const { exitCode, stderr } = await run('install-service');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/no systemd .*not been booted/);
    await expect(readdir(config)).rejects.toThrow('ENOENT');
  });

  test.each([
    [['--user', '--run-as', 'runner'], 'exclude'],
    [['--run-as', 'no such\nuser'], 'is not the name of a user'],
    [['--run-as', 'nobody-of-this-name'], 'is not the name of a user'],
  ])('%j is refused', async (words, said) => {
    const { exitCode, stderr } = await user.run('install-service', ...words);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(said) });
  });
});

describe('uninstall-service', () => {
  test('stops the timer, removes both units and keeps the settings', async () => {
    await run('install-service');
    const before = (await asked()).length;
    const { exitCode, stderr } = await run('uninstall-service');
    expect(exitCode, stderr).toBe(0);
    expect((await asked()).slice(before)).toEqual([
      '--user --no-ask-password show --property=Version',
      '--user --no-ask-password disable --now cleanup-action.timer',
      '--user --no-ask-password daemon-reload',
    ]);
    expect(await readdir(join(config, 'systemd', 'user'))).toEqual([]);
    expect(stderr).toContain('cleanup-action.env: kept');
  });

  test('does nothing where nothing was installed', async () => {
    const { exitCode, stderr } = await run('uninstall-service');
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('nothing was installed');
  });
});

describe('the units', () => {
  const odd = '/opt/it’s 100% "odd" $HOME\\n';

  test.each([
    ['of the machine', '--system', { runAs: 'runner' }],
    ['of a user', '--user', {}],
  ])('%s are such that systemd has nothing to say about them', async (_, manager, options) => {
    const program = [process.execPath, commandLineBundle, odd];
    const paths: string[] = [];
    for (const [name, text] of Object.entries(unitsFor({ program, settingsFile: `${odd}.env`, ...options }))) {
      await writeFile(user.path(name), text);
      paths.push(user.path(name));
    }
    const env = { ...process.env, XDG_RUNTIME_DIR: user.directory };
    const { stderr } = await promisify(execFile)('systemd-analyze', [manager, 'verify', '--man=no', ...paths], { env });
    expect(stderr).toBe('');
  });
});
