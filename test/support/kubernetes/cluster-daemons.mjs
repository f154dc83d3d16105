/**
 * Runs a cluster's daemons inside its namespaces, and obeys its socket until it is killed: see cluster-guard.mjs. Each
 * connection is an order, answered with `done` when it is, or with what went wrong: see control.ts.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const [directory] = process.argv.slice(2);

/** What runs, by name. */
const daemons = new Map();

/** How each was started last. */
const commands = new Map();

const server = createServer({ allowHalfOpen: true }, async (socket) => {
  socket.on('error', () => undefined);
  const answer = await text(socket)
    .then((order) => obey(JSON.parse(order)))
    .then(
      () => 'done',
      (error) => error.message,
    );
  socket.end(answer);
});
server.listen(join(directory, 'control.sock'), () => console.log('ready'));

/** @param order `{ start, command }`, `{ start }` for one that ran before, or `{ signal, name }` */
async function obey({ start, command = commands.get(start), signal, name }) {
  if (start) return run(start, command);
  const daemon = daemons.get(name);
  if (!daemon) throw new Error(`${name} does not run`);
  if (signal === 'SIGKILL') daemon.isToEnd = true;
  daemon.process.kill(signal);
  if (signal === 'SIGKILL') await daemon.ended;
  if (signal === 'SIGSTOP') while (!/^State:\s+T/m.test(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))) await tick();
}

async function run(name, [program, ...args]) {
  if (daemons.has(name)) throw new Error(`${name} runs already`);
  commands.set(name, [program, ...args]);
  const log = openSync(join(directory, `${name}.log`), 'a');
  const child = spawn(program, args, { stdio: ['ignore', log, log], cwd: directory });
  closeSync(log);
  const daemon = { process: child, isToEnd: false };
  daemon.ended = new Promise((resolve) =>
    child.once('close', () => {
      daemons.delete(name);
      if (!daemon.isToEnd) fail(name);
      resolve();
    }),
  );
  daemons.set(name, daemon);
  child.once('error', () => undefined); // `close` comes too.
}

/** A daemon that was not told to end, and did, is the end of all. */
function fail(name) {
  const last = readFileSync(join(directory, `${name}.log`), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(-5)
    .join('\n');
  console.error(`${name} ended:\n${last}`);
  process.exit(1);
}

function tick() {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
