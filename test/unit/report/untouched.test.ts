import { describe, expect, it } from 'vitest';
import { plainLine } from '../../../src/report/escape';
import { closingLines } from '../../../src/report/lines';
import type { PhaseReport } from '../../../src/report/model';
import { summaryOf } from '../../../src/report/summary/summary';
import { terminalOf } from '../../../src/report/terminal/terminal';
import { untouchedNotes } from '../../../src/report/untouched';
import { rendered, texts } from '../../support/report/rendered';
import { failed, HOSTILE, phase, report, resource } from '../../support/report/sample';

type Unowned = NonNullable<PhaseReport['unowned']>[number];
type Spared = NonNullable<PhaseReport['spared']>[number];

const unowned = (changes: Partial<Unowned> = {}): Unowned => ({
  provider: 'docker',
  kind: 'container',
  count: 3,
  names: ['web', 'db', 'cache'],
  ...changes,
});
const spared = (why: Spared['why'], changes: Partial<Unowned> = {}): Spared => ({ ...unowned(changes), why });

describe('what appeared while the job ran', () => {
  const found = phase([], { unowned: [unowned(), unowned({ kind: 'network', count: 2, names: ['a', 'b'] })] });

  it('is counted in one line, with what would make it owned', () => {
    const [headline, line, names] = closingLines(found);
    expect(headline).toBe('Nothing was removed; 3 containers, 2 networks without a label stay');
    expect(line).toBe(
      '3 containers, 2 networks appeared while your job ran and carry no label: they stay. To have such resources removed, start them with `--label-file "$CLEANUP_LABEL_FILE"`, or describe them in `labels` or `name-prefixes`.',
    );
    expect(names).toBe('  container web, container db, container cache, network a, network b');
  });

  it('is reported for one in the singular', () => {
    expect(untouchedNotes(phase([], { unowned: [unowned({ count: 1 })] }))[0]?.statement).toBe(
      '1 container appeared while your job ran and carries no label: it stays.',
    );
  });

  it('is reported with the setting for images where there are only images', () => {
    const [note] = untouchedNotes(phase([], { unowned: [unowned({ kind: 'image' })] }));
    expect(note?.advice).toBe('To have images removed, add `images` to `resources`.');
  });

  it('has five names at most, some of each kind, and a count of the others', () => {
    const names = Array.from({ length: 9 }, (_, index) => `n${index}`);
    const [note] = untouchedNotes(
      phase([], { unowned: [unowned({ count: 40, names }), unowned({ kind: 'volume', count: 2, names: ['v'] })] }),
    );
    expect(note).toMatchObject({
      names: [
        { kind: 'container', name: 'n0' },
        { kind: 'container', name: 'n1' },
        { kind: 'container', name: 'n2' },
        { kind: 'volume', name: 'v' },
      ],
      unnamed: 38,
    });
  });

  it('is reported without names where none is known', () => {
    expect(closingLines(phase([], { unowned: [unowned({ names: [] })] }))).toHaveLength(2);
  });

  it('is in the summary, which is not red and not silent', () => {
    const summary = summaryOf(report({ post: found }));
    expect(summary).toMatch(/^<h3>ℹ️ Nothing was removed; 3 containers, 2 networks without a label stay<\/h3>/);
    expect(texts(rendered(summary))).toContain(
      '3 containers, 2 networks appeared while your job ran and carry no label: they stay. To have such resources removed, start them with',
    );
    expect(summary).not.toContain('Nothing to clean up');
  });

  it('is in the summary beside all that is gone', () => {
    const summary = summaryOf(report({ post: { ...found, ...phase([resource()], { unowned: [unowned()] }) } }));
    expect(summary).toMatch(/^<h3>✅ Everything is gone: 1 container in 6.2s; 3 containers without a label stay<\/h3>/);
  });

  it('is on the terminal', () => {
    const shown = terminalOf(report({ post: found }), { color: false, maxItems: 10 });
    expect(shown).toContain('appeared while your job ran and carry no label: they stay.');
    expect(shown).toContain('\n  container web, container db');
  });

  it('lets nothing hostile out of its names', () => {
    const hostile = phase([], {
      unowned: [unowned({ names: [HOSTILE, HOSTILE] })],
      spared: [spared('age', { names: [HOSTILE] })],
    });
    for (const line of closingLines(hostile)) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|##\w*\[|^\s*::/u);
    expect(rendered(summaryOf(report({ pre: hostile, post: hostile })))).not.toMatch(/<img|<b>|<a /);
  });
});

describe('a filter that matched nothing', () => {
  const prefix = { setting: 'name-prefixes', filter: 'bench-' } as const;

  it('is reported in one line, in log, summary and terminal', () => {
    const post = phase([], { unmatched: [prefix, { setting: 'labels', filter: 'team=eval' }] });
    const line =
      '`name-prefixes: bench-`, `labels: team=eval` matched nothing that was still there. If something should have matched, check the spelling.';
    expect(closingLines(post)).toEqual(['Nothing to clean up', line]);
    expect(terminalOf(report({ post }), { color: false, maxItems: 20 })).toContain(line);
    expect(texts(rendered(summaryOf(report({ post }))))).toContain(line.replaceAll('`', ''));
  });

  it('is shortened where there are many, and can forge nothing', () => {
    const many = Array.from({ length: 7 }, () => ({ ...prefix, filter: HOSTILE }));
    const post = phase([], { unmatched: many });
    expect(untouchedNotes(post)[0]?.statement).toContain('and 2 more matched nothing');
    expect(closingLines(post).filter((text) => text !== plainLine(text))).toEqual([]);
  });
});

describe('what was spared', () => {
  it.each([
    ['age', '3 containers match but are younger than `max-age`, and their job may still be running: they stay.'],
    ['inherited-label', '3 containers may have their session’s label from their image: they stay.'],
    ['live-session', '3 containers match but appeared while another job was running here: they stay.'],
  ] as const)('for %s is reported with why', (why, statement) => {
    expect(untouchedNotes(phase([], { spared: [spared(why)] }))).toMatchObject([{ statement }]);
  });

  it('is a note for each reason', () => {
    const groups = [spared('age'), spared('live-session', { kind: 'network', count: 1 }), spared('age', { kind: 'volume' })];
    expect(untouchedNotes(phase([], { spared: groups })).map(({ statement }) => statement.split(' match')[0])).toEqual([
      '3 containers, 3 volumes',
      '1 network',
    ]);
  });

  it('in pre-cleanup is in the summary of a session that found nothing else', () => {
    const summary = summaryOf(report({ pre: phase([], { spared: [spared('age')] }), post: phase() }));
    expect(summary).toMatch(/^<h3>ℹ️ Nothing of this session was left; 3 containers that may be in use stay<\/h3>/);
    expect(summary).toContain('<code>pre-cleanup: all</code> removes such resources');
  });
});

describe('what was kept', () => {
  const kept = resource({ name: 'debug', outcome: 'kept', reason: 'post-cleanup is never', command: 'docker rm --force debug' });
  const labelled = resource({ name: 'db', outcome: 'kept', reason: 'it is labelled keep' });

  it('is named, with why, and the command that removes it', () => {
    const summary = summaryOf(report({ post: phase([kept]) }));
    expect(texts(rendered(summary))).toContain('Kept Why debug container 0123456789ab running post-cleanup is never');
    expect(summary).toContain('\n```sh\ndocker rm --force debug\n```');
  });

  it('is announced to be removed by the next job', () => {
    expect(summaryOf(report({ post: phase([kept]) }))).toContain('They stay until the next job on this runner');
  });

  it('for good has neither a command nor an end', () => {
    const summary = summaryOf(report({ post: phase([labelled]) }));
    expect(summary).toContain('<code>db</code>');
    expect(summary).not.toContain('```sh');
    expect(summary).not.toContain('next job');
  });

  it('is listed up to ten, and then counted', () => {
    const summary = summaryOf(report({ post: phase(Array(13).fill(kept)) }));
    expect(summary.match(/<tr><td><code>debug/g)).toHaveLength(10);
    expect(summary).toContain('3 resources more kept: see the report.');
  });

  it('has its command on the terminal, apart from what is left behind', () => {
    const shown = terminalOf(report({ post: phase([kept, failed()]) }), { color: false, maxItems: 10 });
    expect(shown).toMatch(
      /Commands to remove the remaining resources:\n {2}docker rm 0123\nCommands to remove the kept resources:\n {2}docker rm --force debug\n$/,
    );
  });

  it('has no command among the closing lines: a log has its line already', () => {
    expect(closingLines(phase([kept]))).toEqual(['1 container kept']);
  });
});
