import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ENGINE_KINDS, type EngineKind } from '../support/engine/engine-kinds';

const root = join(import.meta.dirname, '..', '..');

/** Paths of the project that a document names in code: `src/post.ts`, `test/support/`. */
function pathsIn(document: string): readonly string[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/`((?:src|test|scripts|docs|schemas|bench|examples)\/[\w./-]*)`/g)].map(([, path = '']) => path);
}

test.each(['docs/code-tour.md', 'CONTRIBUTING.md'])('%s names files that exist', (document) => {
  const paths = pathsIn(document);
  expect(paths.length).toBeGreaterThan(0);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

/** All text of the code: sentences that are put together from parts are looked for in parts. */
const code = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
  .join('\n');

const headings = [...readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8').matchAll(/^## (.*)$/gm)].map(
  ([, text = '']) => text,
);

test.for(headings)('troubleshooting: “%s” is what the code says', (heading) => {
  const parts = heading.split(/(?<=needs) |(?<=Node) \d+ /).map((part) => part.trim());
  expect(parts.filter((part) => !code.includes(part) && !code.includes(part.replace('its job', 'their job')))).toEqual([]);
});

/** As GitHub makes a heading's anchor. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** Links to files of the project in a document, as paths from its root, with their anchors. */
function linksIn(document: string): readonly (readonly [path: string, anchor: string | undefined])[] {
  const text = readFileSync(join(root, document), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
  const targets = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.map((target) => {
    const [path = '', fragment] = target.split('#');
    return [path === '' ? document : join(dirname(document), path), fragment];
  });
}

const documents = ['.', 'docs', 'bench'].flatMap((directory) =>
  readdirSync(join(root, directory)).flatMap((name) => (name.endsWith('.md') ? [join(directory, name)] : [])),
);

test.for(documents)('%s links to files and headings that exist', (document) => {
  const broken = linksIn(document).filter(([path, fragment]) => {
    if (!existsSync(join(root, path))) return true;
    if (fragment === undefined || !path.endsWith('.md')) return false;
    const titles = [...readFileSync(join(root, path), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title);
    return !titles.map(anchor).includes(fragment);
  });
  expect(broken).toEqual([]);
});

test('the glossary has at most 20 words', () => {
  const glossary = readFileSync(join(root, 'docs/code-tour.md'), 'utf8').split('## The words')[1] ?? '';
  const words = glossary.split('\n').filter((line) => /^\| [a-z]/.test(line));
  expect(words.length).toBeGreaterThan(10);
  expect(words.length).toBeLessThanOrEqual(20);
});

test('docs/engines.md has each engine of the table, and each reason why a test is not run on one', () => {
  const document = readFileSync(join(root, 'docs/engines.md'), 'utf8');
  const kinds: readonly (readonly [string, EngineKind])[] = Object.entries(ENGINE_KINDS);
  const missing = kinds.flatMap(([name, { cannot }]) =>
    [`\`${name}\``, ...cannot.map(({ why }) => why)].filter((text) => !document.includes(text)),
  );
  expect(missing).toEqual([]);
});

test('docs/security.md names tests that exist', () => {
  const document = readFileSync(join(root, 'docs/security.md'), 'utf8');
  const rows = document.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:Threat|---)/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  const missing = rows.flatMap((row) => {
    const shown = row.split(' | ').at(-1) ?? '';
    const files = [...shown.matchAll(/`(test\/[\w./-]+)`: ((?:“[^”]+”(?:, )?)+)/g)];
    if (files.length === 0) return [row];
    return files.flatMap(([, file = '', titles = '']) => {
      const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
      return [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title).filter((title) => !text.includes(title));
    });
  });
  expect(missing).toEqual([]);
});
