import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '..', 'docs', 'reliability.md');

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->` in docs/reliability.md. */
export async function writeSection(name: string, content: string): Promise<void> {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const text = await readFile(FILE, 'utf8');
  const [before, rest] = [text.split(start)[0], text.split(end)[1]];
  if (before === undefined || rest === undefined) throw new Error(`docs/reliability.md has no ${start} … ${end}`);
  await writeFile(FILE, `${before}${start}\n${content}\n${end}${rest}`);
}
