import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isAdopted } from '../../../src/lib/adopted';

async function adoptedBy(name: string): Promise<boolean> {
  const proc = await mkdtemp(join(tmpdir(), 'adopted-'));
  onTestFinished(() => rm(proc, { recursive: true }));
  await mkdir(join(proc, '1'));
  await writeFile(join(proc, '1', 'comm'), `${name}\n`);
  return isAdopted(1, proc);
}

it.each(['systemd', 'init', 'tini', 'docker-init'])('a process whose parent is %s has lost its own', async (name) => {
  expect(await adoptedBy(name)).toBe(true);
});

it.each(['Runner.Worker', 'act_runner', 'node', 'bash'])('a process whose parent is %s has not', async (name) => {
  expect(await adoptedBy(name)).toBe(false);
});

it('nothing is known where the system does not show it', () => {
  expect(isAdopted(0, '/nowhere')).toBe(false);
});
