import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..', '..');

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly repository: { readonly url: string };
  readonly bin: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const packageFile: PackageFile = JSON.parse(read('package.json'));
const [major] = packageFile.version.split('.');
const [node = ''] = /\d+/.exec(packageFile.engines.node) ?? [];

/** What users and developers read, and what GitHub runs. */
const texts = ['.', 'docs', 'examples', '.github/workflows', '.github/ISSUE_TEMPLATE']
  .flatMap((directory) => readdirSync(join(root, directory)).map((name) => join(directory, name)))
  .filter((path) => /\.(md|yml|sh)$/.test(path) && path !== 'CHANGELOG.md')
  .map((path) => ({ path, text: read(path) }));

/** All places that a pattern matches, but for those that are as they should be. */
function others(pattern: RegExp, right: string): readonly string[] {
  return texts.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].filter(([, found]) => found !== right).map(([found]) => `${path}: ${found}`),
  );
}

describe('package.json decides', () => {
  test('the major version that is used', () => {
    expect(others(/org\/cleanup-action@(v\d+)/g, `v${major}`)).toEqual([]);
  });

  test('the repository', () => {
    const [, repository = ''] = /github\.com\/(.+)\.git$/.exec(packageFile.repository.url) ?? [];
    expect(others(/github\.com\/([\w-]+\/cleanup-action)\b/g, repository)).toEqual([]);
    expect(others(/uses: ([\w-]+\/cleanup-action)@/g, repository)).toEqual([]);
  });

  test('the name of the package and of its command', () => {
    expect(Object.keys(packageFile.bin)).toEqual([packageFile.name]);
    expect(others(/(?:^|`)npx (?!tsx|vitest|github:)([a-z][\w-]*)/gm, packageFile.name)).toEqual([]);
  });

  test('the version of the code, and the changes have a heading for it', () => {
    expect(read('src/lib/version.ts')).toContain(`'${packageFile.version}'`);
    expect(JSON.parse(read('package-lock.json')).version).toBe(packageFile.version);
    const [heading] = read('CHANGELOG.md').match(/^## .*$/m) ?? [];
    expect(heading).toMatch(
      new RegExp(`^## ${packageFile.version.replaceAll('.', '\\.')} \\((\\d{4}-\\d{2}-\\d{2}|not released yet)\\)$`),
    );
  });
});

describe('one version of Node', () => {
  test('is the action’s, the package’s, and the one that tests run on', () => {
    expect(parse(read('action.yml')).runs.using).toBe(`node${node}`);
    expect(packageFile.devDependencies['node']?.split('.')[0]).toBe(node);
    expect(packageFile.devDependencies['@types/node']).toMatch(new RegExp(`^\\^${node}\\.`));
  });

  test('is named by the documents and the workflows', () => {
    expect(others(/\bneeds(?: only)? Node (\d+)/g, node)).toEqual([]);
    expect(others(/node-version: (\d+)/g, node)).toEqual([]);
  });
});

test('one version of the runner is named', () => {
  expect(others(/\b(?:runner |ones from )(2\.\d{3}\.\d+) or newer/g, '2.327.1')).toEqual([]);
});

test('the licences of what is bundled are ones that allow it', () => {
  const rows = [...read('NOTICE.md').matchAll(/^\| `([^`]+)` \| (\S+) \| (.+?) \|/gm)];
  expect(rows.length).toBeGreaterThan(10);
  const allowed = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'];
  expect(rows.filter(([, , , licence = '']) => !allowed.includes(licence)).map(([row]) => row)).toEqual([]);
});

describe('scripts/release.mjs', () => {
  const release = (...command: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/release.mjs'), ...command]);
    return { status, stdout: String(stdout), stderr: String(stderr) };
  };

  test('refuses a tag of another version', () => {
    expect(release('check', 'v0.0.1')).toEqual({
      status: 1,
      stdout: '',
      stderr: `release: the tag is “v0.0.1”, and package.json has version ${packageFile.version}\n`,
    });
  });

  test('has notes exactly where the changes have a date', () => {
    const isDated = new RegExp(`^## ${packageFile.version.replaceAll('.', '\\.')} \\(\\d`, 'm').test(read('CHANGELOG.md'));
    const { status, stdout, stderr } = release('notes', `v${packageFile.version}`);
    expect(status === 0 && stdout.startsWith('- '), stderr).toBe(isDated);
  });
});
