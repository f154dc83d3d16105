/**
 * Starts dockerd in the directory given, and ends it with everything in it when standard input ends: see PrivateEngine.
 * Plain JavaScript, so that it starts at once.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const directory = process.argv[2];
if (!directory) throw new Error('usage: engine-guard.mjs DIRECTORY');

const log = openSync(join(directory, 'dockerd.log'), 'a');
const engine = spawn(
  'dockerd',
  [
    '--data-root',
    join(directory, 'data'),
    '--exec-root',
    join(directory, 'exec'),
    '--pidfile',
    join(directory, 'dockerd.pid'),
    '--host',
    `unix://${join(directory, 'docker.sock')}`,
    '--shutdown-timeout',
    '1',
  ],
  { stdio: ['ignore', log, log], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } },
);
closeSync(log);
const ended = new Promise((resolve) => engine.once('exit', resolve).once('error', resolve));
const inputEnded = new Promise((resolve) => process.stdin.once('end', resolve).once('close', resolve).resume());

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.stdin.destroy());

await Promise.race([ended, inputEnded]);
const failed = engine.exitCode !== null || engine.pid === undefined;
engine.kill('SIGCONT');
engine.kill('SIGTERM');
const patience = setTimeout(() => engine.kill('SIGKILL'), 10_000);
if (!failed) await ended;
clearTimeout(patience);
killEverythingOf(directory);
unmountEverythingIn(directory);
if (failed) console.error(readFileSync(join(directory, 'dockerd.log'), 'utf8').split('\n').slice(-5).join('\n'));
rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
process.exit(failed ? 1 : 0);

/** containerd and its shims outlive a dockerd that was killed; their command lines name the directory. */
function killEverythingOf(path) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (commandLine.includes(path)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

function unmountEverythingIn(path) {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => mount.startsWith(`${path}/`));
  for (const mount of mounts.reverse()) spawnSync('umount', ['--lazy', mount]);
}
