/**
 * Starts dockerd in the directory given, and ends it with everything in it when standard input ends: see PrivateEngine.
 * Until then each line of its input is a command: `start` (after SIGKILL: again, on the same directories), or a signal for dockerd.
 * Plain JavaScript, so that it starts at once.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const directory = process.argv[2];
if (!directory) throw new Error('usage: engine-guard.mjs DIRECTORY');

/** An engine that was not told to end, and did, is the end of all. */
let fail;
const failed = new Promise((resolve) => {
  fail = () => resolve('failed');
});

let engine = startEngine();
const commands = createInterface({ input: process.stdin }).on('line', (command) => {
  if (command === 'start') engine = startEngine();
  else engine.signal(command);
});
const inputEnded = new Promise((resolve) => commands.once('close', () => resolve('input ended')));

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.stdin.destroy());
process.stdin.once('close', () => commands.close());

const why = await Promise.race([failed, inputEnded]);
engine.signal('SIGCONT');
engine.signal('SIGTERM');
const patience = setTimeout(() => engine.signal('SIGKILL'), 10_000);
await engine.ended;
clearTimeout(patience);
killEverythingOf(directory);
unmountEverythingIn(directory);
if (why === 'failed') console.error(readFileSync(join(directory, 'dockerd.log'), 'utf8').split('\n').slice(-5).join('\n'));
rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
process.exit(why === 'failed' ? 1 : 0);

function startEngine() {
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
  let toldToEnd = false;
  const ended = new Promise((resolve) => engine.once('exit', resolve).once('error', resolve)).then(() => toldToEnd || fail());
  return {
    ended,
    signal(name) {
      if (name === 'SIGKILL' || name === 'SIGTERM') toldToEnd = true;
      engine.kill(name);
    },
  };
}

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
