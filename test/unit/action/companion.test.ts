import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type CompanionContext, startCompanion } from '../../../src/action/companion';
import type { Connection } from '../../../src/core/connection';
import { thisProcess } from '../../../src/lib/process-identity';
import type { Log } from '../../../src/phases/log';

/** A cloud with a clock. */
const daytona = { name: 'daytona', status: 'ready', lifetimes: { access: {} }, found: {} } as unknown as Connection;

type Case = Partial<CompanionContext['config']> & { readonly platform?: NodeJS.Platform; readonly pid?: number };

/** What is said where no companion is started. */
async function saidWith({ platform = 'linux', pid = process.pid, ...config }: Case, connections = [daytona]): Promise<string> {
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line), warning: (line: string) => lines.push(line) } as unknown as Log;
  const context = {
    config: { proxy: false, watchdog: false, sandboxTtl: 300_000, dryRun: false, ...config },
    session: { id: 'gh-1-1.00000000.12345678', labels: {} },
    connections,
    env: {},
    platform,
    directory: tmpdir(),
    worker: { ...thisProcess(), pid },
  } as unknown as CompanionContext;
  expect(await startCompanion(context, log)).toEqual({});
  return lines.join('\n');
}

describe('sandbox-ttl beside later steps, where no process can renew', () => {
  it.each([
    ['in a job’s container', { pid: 0 }, 'this job’s container ends with its runner'],
    ['on Windows', { platform: 'win32' }, 'there is no watchdog on win32'],
  ] as const)('is said not to be set %s', async (_, where, why) => {
    expect(await saidWith(where)).toBe(`sandbox-ttl is not set: nothing would renew it beside later steps, because ${why}.`);
  });

  it.each([
    ['beside run, where main renews', { pid: 0, run: 'true' }, [daytona]],
    ['in a dry run', { pid: 0, dryRun: true }, [daytona]],
    ['without a cloud that has a clock', {}, []],
  ] as const)('is no matter %s', async (_, where, connections) => {
    expect(await saidWith(where, [...connections])).toBe('');
  });
});
