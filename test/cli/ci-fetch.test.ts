import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Script, Variables } from '../support/ci/ci-systems';
import { Workspace } from '../support/ci/ci-workspace';
import { pinned } from '../support/cli/command-line';

/** Stands for the command line, whose bundle is not what is tested here. */
const PROGRAM = 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 3;';

const sweep: Script = { shell: ['sh', '-c'], text: "sh ci/cleanup-action.sh sweep --label 'a b'" };

let workspace: Workspace;
let pin: Variables;

beforeEach(async () => {
  workspace = await Workspace.create({});
  await writeFile(workspace.path('program.js'), PROGRAM);
  pin = pinned(workspace.path('program.js'));
});

afterEach(() => workspace.remove());

function cached(): Promise<readonly string[]> {
  return readdir(workspace.path('.cache/cleanup-action'));
}

it('hands its arguments to the program that it fetched', async () => {
  const { output } = await workspace.run(sweep, pin);
  expect(output).toBe('["sweep","--label","a b"]\n');
});

it('ends with the program’s exit code', async () => {
  expect((await workspace.run(sweep, pin)).exitCode).toBe(3);
});

it('fetches the program once', async () => {
  await workspace.run(sweep, pin);
  const { output } = await workspace.run(sweep, { ...pin, CLEANUP_ACTION_URL: 'file:///nowhere' });
  expect(output).toBe('["sweep","--label","a b"]\n');
});

it('runs nothing whose checksum is another', async () => {
  const { exitCode, output } = await workspace.run(sweep, { ...pin, CLEANUP_ACTION_SHA256: 'f'.repeat(64) });
  expect({ exitCode, output }).toEqual({
    exitCode: 69,
    output: `cleanup-action.sh: ${pin['CLEANUP_ACTION_URL']} has the checksum ${pin['CLEANUP_ACTION_SHA256']}, and not ${'f'.repeat(64)}\n`,
  });
});

it('keeps nothing of what it refused', async () => {
  await workspace.run(sweep, { ...pin, CLEANUP_ACTION_SHA256: 'f'.repeat(64) });
  expect(await cached()).toEqual([]);
});

it('fetches anew what was changed since', async () => {
  await workspace.run(sweep, pin);
  const [name = ''] = await cached();
  await writeFile(join(workspace.path('.cache/cleanup-action'), name), 'console.log("something else")');
  expect((await workspace.run(sweep, pin)).output).toBe('["sweep","--label","a b"]\n');
});

it('says in one line which address it can’t fetch from', async () => {
  const { output } = await workspace.run(sweep, { ...pin, CLEANUP_ACTION_URL: 'file:///nowhere' });
  expect(output).toMatch(/\ncleanup-action\.sh: file:\/\/\/nowhere can't be fetched\n$/);
});
