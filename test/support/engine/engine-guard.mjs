/**
 * Starts the engine whose command line is given, and ends it, with everything in its directory, when standard input ends: see
 * PrivateEngine. Until then each line of its input is a command: `start` (after SIGKILL: again, on the same directories), or a signal for it.
 * Plain JavaScript, so that it starts at once.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [directory, program, ...engineArguments] = process.argv.slice(2);
if (!directory || !program) throw new Error('usage: engine-guard.mjs DIRECTORY PROGRAM ARGUMENT…');

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
// Podman's conmon mounts and tidies up when its container ends: all is over when there was nothing more to kill.
for (const giveUpAt = Date.now() + 10_000; killEverythingOf(directory) > 0 && Date.now() < giveUpAt; ) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
unmountEverythingIn(directory);
if (why === 'failed') console.error(readFileSync(join(directory, 'dockerd.log'), 'utf8').split('\n').slice(-5).join('\n'));
rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
process.exit(why === 'failed' ? 1 : 0);

function startEngine() {
  // containerd dies with a killed dockerd. Until process 1 reaps it, which some do late, the next dockerd takes it for one that runs.
  rmSync(join(directory, 'exec', 'containerd', 'containerd.pid'), { force: true });
  const log = openSync(join(directory, 'dockerd.log'), 'a');
  const engine = spawn(program, engineArguments, {
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  closeSync(log);
  writeFileSync(join(directory, 'engine.pid'), String(engine.pid));
  let toldToEnd = false;
  const ended = new Promise((resolve) => engine.once('exit', resolve).once('error', resolve)).then(() => toldToEnd || fail());
  return {
    ended,
    signal(name) {
      if (name === 'SIGKILL' || name === 'SIGTERM') toldToEnd = true;
      const pid = dockerdPid() ?? rootlessPodmanPid(engine.pid);
      if (pid === undefined) return engine.kill(name);
      writeFileSync(join(directory, 'engine.pid'), String(pid));
      process.kill(pid, name);
    },
  };
}

/** Rootless, dockerd is not our child but rootlesskit's, which ends with it. */
function dockerdPid() {
  try {
    const pid = readFileSync(join(directory, 'dockerd.pid'), 'utf8').trim();
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory) ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Rootless, Podman starts itself again in a user namespace, and waits for that. */
function rootlessPodmanPid(parent) {
  try {
    const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
    const isService = (pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0system\0service\0');
    return children.map(Number).find(isService);
  } catch {
    return undefined;
  }
}

/**
 * What outlives an engine: containerd, its shims and Podman's conmon name the directory in their command lines; the root of a
 * container's processes is a mount that names it.
 * @returns how many were killed
 */
function killEverythingOf(path) {
  const isRootIn = (line) => line.split(' ')[4] === '/' && line.includes(path);
  let killed = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n');
      if (!commandLine.includes(path) && !mounts.some(isRootIn)) continue;
      process.kill(Number(pid), 'SIGKILL');
      killed += 1;
    } catch {
      // It ended by itself.
    }
  }
  return killed;
}

function unmountEverythingIn(path) {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => mount.startsWith(`${path}/`));
  for (const mount of mounts.reverse()) spawnSync('umount', ['--lazy', mount]);
}
