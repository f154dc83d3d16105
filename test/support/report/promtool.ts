import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where scripts/setup.mjs puts it when the machine has none. */
const FETCHED = join(import.meta.dirname, '../../../node_modules/.promtool/usr/bin/promtool');

/**
 * What Prometheus' own checker has to say; empty when all is well.
 * @param args `check metrics`, `check rules FILE`
 * @throws where there is no promtool
 */
export function promtool(args: readonly string[], input = ''): string {
  const { error, status, stdout, stderr } = spawnSync(existsSync(FETCHED) ? FETCHED : 'promtool', args, {
    input,
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (error)
    throw new Error('there is no promtool: `npm run test:unit` fetches one on Debian; elsewhere install Prometheus', {
      cause: error,
    });
  // Its advice goes to stderr, and a file that is well gets a word on stdout.
  return status === 0 ? stderr.trim() : `${stderr}${stdout}`.trim();
}
