/**
 * What .github/workflows/release.yml asks of a tag. `check v1.2.3`: package.json has this version, and CHANGELOG.md a section with its
 * date. `notes v1.2.3`: prints that section. Plain JavaScript without dependencies: it runs beside the permission to release.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const [command, tag = ''] = process.argv.slice(2);

function read(path) {
  return readFileSync(join(root, path), 'utf8');
}

/** The changes of a version; the heading is `## 1.2.3 (2026-12-31)`. */
function changesOf(version) {
  const sections = read('CHANGELOG.md').split(/^## /m);
  const section = sections.find((text) => text.startsWith(`${version} (`));
  const [heading = '', ...lines] = section?.split('\n') ?? [];
  if (!/ \(\d{4}-\d{2}-\d{2}\)$/.test(heading)) throw new Error(`CHANGELOG.md has no heading “## ${version} (YYYY-MM-DD)”`);
  return lines.join('\n').trim();
}

try {
  const { version } = JSON.parse(read('package.json'));
  if (tag !== `v${version}`) throw new Error(`the tag is “${tag}”, and package.json has version ${version}`);
  const changes = changesOf(version);
  if (command === 'notes') console.log(changes);
  else if (command === 'check') console.log(`${tag} is ready.`);
  else throw new Error('use: release.mjs check|notes TAG');
} catch (error) {
  console.error(`release: ${error.message}`);
  process.exitCode = 1;
}
