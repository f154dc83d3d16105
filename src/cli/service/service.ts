import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeWhole } from '../../lib/atomic-file';
import { UsageError } from '../exit';
import type { Systemd } from './systemd';
import { type ServiceOptions, UNIT, unitsFor } from './units';

/** Where a service’s files are. */
export interface ServicePlace {
  readonly systemd: Pick<Systemd, 'isThere' | 'ask'>;
  /** The directory of the units. */
  readonly units: string;
  readonly settingsFile: string;
  readonly say: (line: string) => void;
}

const TIMER = `${UNIT}.timer`;

const SETTINGS = `# Settings of the service cleanup-action, and secrets. Only its owner may read this file.
#CLEANUP_MAX_AGE=24h
#CLEANUP_DOCKER_HOST=unix:///var/run/docker.sock
#CLEANUP_METRICS_PATH=/var/lib/prometheus/node-exporter/cleanup-action.prom
#CLEANUP_GITHUB_TOKEN=
#DAYTONA_API_KEY=
`;

/**
 * Writes the units and the settings’ file, where they are not there as they should be, and starts
 * the timer.
 * @throws {NoSystemd}
 * @throws {UsageError} when others could read secrets in the settings’ file
 */
export async function installService(place: ServicePlace, options: Omit<ServiceOptions, 'settingsFile'>): Promise<void> {
  const { systemd, say, settingsFile } = place;
  await systemd.isThere();
  await provideSettings(place);
  await mkdir(place.units, { recursive: true });
  for (const [name, content] of Object.entries(unitsFor({ ...options, settingsFile }))) {
    const path = join(place.units, name);
    const isThere = (await readFile(path, 'utf8').catch(() => undefined)) === content;
    if (!isThere) await writeWhole(path, content);
    say(`${path}: ${isThere ? 'unchanged' : 'written'}`);
  }
  await systemd.ask('daemon-reload');
  await systemd.ask('enable', TIMER);
  // A timer that runs keeps its old times until it is started anew.
  await systemd.ask('restart', TIMER);
  say(`${TIMER}: on; what is over is swept now, after each start of the machine, and hourly`);
}

/** Stops the timer and removes the units, where they are there. The settings stay. */
export async function uninstallService({ systemd, units, settingsFile, say }: ServicePlace): Promise<void> {
  await systemd.isThere();
  const paths = Object.keys(unitsFor({ program: [], settingsFile })).map((name) => join(units, name));
  const existing = paths.filter((path) => existsSync(path));
  if (existing.length === 0) return say(`nothing was installed in ${units}`);
  if (existing.some((path) => path.endsWith(TIMER))) await systemd.ask('disable', '--now', TIMER);
  for (const path of existing) {
    await rm(path);
    say(`${path}: removed`);
  }
  await systemd.ask('daemon-reload');
  if (existsSync(settingsFile)) say(`${settingsFile}: kept; it may hold a key`);
}

async function provideSettings({ settingsFile, say }: ServicePlace): Promise<void> {
  const found = await stat(settingsFile).catch(() => undefined);
  if (found && (found.mode & 0o077) !== 0) {
    throw new UsageError(`${settingsFile} may hold secrets, and other users can read or change it: chmod 600 ${settingsFile}`);
  }
  if (!found) {
    await mkdir(dirname(settingsFile), { recursive: true });
    const file = await open(settingsFile, 'wx', 0o600);
    await file.writeFile(SETTINGS).finally(() => file.close());
    await chmod(settingsFile, 0o600);
  }
  say(`${settingsFile}: ${found ? 'unchanged' : 'written'}; settings and secrets go there`);
}
