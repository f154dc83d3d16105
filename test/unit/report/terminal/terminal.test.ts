import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { terminalOf } from '../../../../src/report/terminal/terminal';
import { death, failed, phase, report, resource } from '../../../support/report/sample';
import { scenarios } from '../../../support/report/scenarios';

const ESCAPE = '\u001b[';

/** Columns that a line takes in a terminal: most East Asian characters and emoji take two. */
const width = (line: string) =>
  [...line].reduce(
    (sum, character) =>
      sum + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(character) ? 2 : 1),
    0,
  );

const tableLines = (shown: string) => shown.split('\n').filter((line) => /^[┌├└│]/.test(line));

const wide = report({
  deaths: [death({ name: '失敗したコンテナ'.repeat(8), logFile: `/tmp/${'ログ'.repeat(30)}` })],
  post: phase([
    failed({ name: 'ベンチマーク-🐳'.repeat(6), error: '許可がありません '.repeat(20) }),
    resource({ name: 'x'.repeat(200) }),
  ]),
});

describe('a picture for a terminal', () => {
  it.each([50, 80, 100, 200])('has no table wider than %i columns', (columns) => {
    for (const made of [wide, scenarios.failures(), scenarios.cancelled()]) {
      const lines = tableLines(terminalOf(made, { color: false, maxItems: 10, columns }));
      expect(lines.filter((line) => width(line) > columns)).toEqual([]);
    }
  });

  it('keeps the borders straight beside wide characters', () => {
    const lines = tableLines(terminalOf(wide, { color: false, maxItems: 10, columns: 100 }));
    const tables = lines.join('\n').split(/(?<=└.*┘)\n/);
    for (const table of tables) expect(new Set(table.split('\n').map(width)).size).toBe(1);
  });

  it('has colours only when it may', () => {
    const made = scenarios.cancelled();
    expect(terminalOf(made, { color: false, maxItems: 10 })).not.toContain(ESCAPE);
    expect(terminalOf(made, { color: true, maxItems: 10 })).toContain(ESCAPE);
  });

  it('is the same with colours and without', () => {
    const made = scenarios.failures();
    const [colored, plain] = [true, false].map((color) => terminalOf(made, { color, maxItems: 10, columns: 90 }));
    expect(stripVTControlCharacters(colored ?? '')).toBe(plain);
  });

  it('lists what went wrong first, and counts what it does not list', () => {
    const made = report({ post: phase([resource({ name: 'good' }), failed({ name: 'bad' })]) });
    const shown = terminalOf(made, { color: false, maxItems: 1 });
    expect(shown).toContain('bad');
    expect(shown).not.toContain('good');
    expect(shown).toContain('\nand 1 more\n');
  });

  it('says so when nothing was cleaned up', () => {
    expect(terminalOf(report(), { color: false, maxItems: 1 })).toBe('Session unknown\n\nNothing was cleaned up\n');
  });

  it('tells what earlier runs left and could not be removed, with the command', () => {
    const made = report({ pre: phase([failed({ name: 'old', id: 'a' })]), post: phase([resource()]) });
    const shown = terminalOf(made, { color: false, maxItems: 8, columns: 100 });
    expect(shown).toContain(
      '\nEverything of this session is gone: 1 container in 6.2s; 1 container of earlier runs is left behind: action needed\n',
    );
    expect(shown).toMatch(
      /\nLeft behind by earlier runs\n[\s\S]*│ failed {2}│ old [\s\S]*\nCommands to remove the remaining resources:\n {2}docker rm 0123\n$/,
    );
  });
});
