import { execFileSync } from 'node:child_process';

/** Is pulled on GitHub; the tests with `act` have one of that name on their engine. */
export const IMAGE = 'busybox:1.37';

/**
 * Runs a docker command.
 * @param host the engine's address; empty for the default one
 * @returns the lines that it prints
 */
export function docker(host, ...command) {
  const env = { ...process.env, DOCKER_HOST: host };
  if (host === '') delete env.DOCKER_HOST;
  const output = execFileSync('docker', command, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return output.split('\n').filter((line) => line !== '');
}
