/** Runs as a process of its own: starts each step as its child, as Runner.Worker does. */
import { spawn } from 'node:child_process';

process.on('message', ({ id, command: [file, ...args], env, cwd }) => {
  const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  process.send({ id, pid: child.pid });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => process.send({ id, output: String(chunk) }));
  child.on('close', (exitCode, signal) => process.send({ id, exitCode, signal }));
});
process.on('disconnect', () => process.exit());
