import { execFile, spawnSync } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ciSystems, type Script } from '../support/ci/ci-systems';
import { cronJob } from '../support/ci/machine-examples';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/** What it has to say; nothing when all is well. */
async function shellcheck(...command: readonly string[]): Promise<string> {
  return execute('shellcheck', command).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string }) => {
      if (!error.stdout) throw error; // There is no shellcheck: node scripts/setup.mjs checkers
      return error.stdout;
    },
  );
}

function findings({ shell, text }: Script): string {
  const { error, stdout } = spawnSync('shellcheck', ['--shell', shell[0] ?? '', '-'], { input: text, encoding: 'utf8' });
  if (error) throw new Error('shellcheck is needed: node scripts/setup.mjs checkers', { cause: error });
  return stdout;
}

describe('shellcheck has nothing to say about', () => {
  it('the scripts among the examples', async () => {
    const examples = await readdir(join(root, 'examples'), { recursive: true });
    const scripts = examples.filter((name) => name.endsWith('.sh') || name.endsWith('pre-exit'));
    expect(await shellcheck(...scripts.map((name) => join(root, 'examples', name)))).toBe('');
  });

  it.each(ciSystems)('the benchmark’s step for $name', ({ benchmark }) => {
    expect(findings(benchmark)).toBe('');
  });

  it.each(ciSystems)('the last step for $name', ({ always }) => {
    expect(findings(always)).toBe('');
  });

  it('the crontab’s command', () => {
    expect(findings(cronJob().script)).toBe('');
  });
});

describe('docs/other-ci.md', async () => {
  const path = join(root, 'docs', 'other-ci.md');
  const text = await readFile(path, 'utf8');

  const linked = [...text.matchAll(/\]\((\.{0,2}[\w/.-]+)\)/g)].map(([, target = '']) => target);

  it.each(linked)('links to what there is: %s', async (target) => {
    await expect(access(join(dirname(path), target))).resolves.toBeUndefined();
  });

  it.each(ciSystems)('names the variables that the example for $name makes the session’s id of', ({ name, benchmark }) => {
    const [row = ''] = text.split('\n').filter((line) => line.startsWith(`| [${name}]`));
    const named = [...row.matchAll(/`([A-Z_]{3,})`/g)].map(([, variable = '']) => variable);
    const used = new Set([...benchmark.text.matchAll(/\$([A-Z_]+)/g)].map(([, variable = '']) => variable));
    expect([...used].filter((variable) => !variable.endsWith('ATTEMPT')).sort()).toEqual(named.sort());
  });
});
