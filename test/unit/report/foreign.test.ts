import fc from 'fast-check';
import mermaid from 'mermaid';
import { beforeAll, describe, expect, it } from 'vitest';
import { annotationOf, leftoversMessage } from '../../../src/report/annotation';
import { closingLines, providerLine, resourceLine } from '../../../src/report/lines';
import { metricsOf } from '../../../src/report/metrics';
import type { Report } from '../../../src/report/model';
import { summaryOf } from '../../../src/report/summary/summary';
import { terminalOf } from '../../../src/report/terminal/terminal';
import { rendered, tags } from '../../support/report/rendered';
import { death, failed, HOSTILE, phase, provider, report, resource, step } from '../../support/report/sample';

/** Pieces that mean something somewhere: to HTML, Markdown, GitHub, Mermaid, the runner, a terminal. */
// biome-ignore format: a list of words
const MEANINGFUL = [
  '</code>', '</pre>', '</td></tr></table>', '</details>', '<img src=x>', '<!--', '-->', '<?', '<![CDATA[', '&lt;', '&#60;', '&',
  '\n', '\n\n', '\r\n', '\u2028', '\u0085', '\t', '    ', '```', '~~~', '````', '`', '**', '_', '|', '\\', '[a](https://evil)', '![i](x)', '<https://evil>',
  'https://evil.example', 'www.evil.example', 'me@evil.example', '@user', '#1', '# h', '- [ ] x', '> q', '$x$', ':tada:', '[^1]', '~~x~~',
  'section x', 'click y call z()', '2030-01-01', ':', ';', '%%', '#quot;', ',', '---', 'end',
  '##[error]x', '##vso[task.complete]x', '##teamcity[x]', '::error::x', '\u001b[2J', '\u009b31m', '\b', '\0', '\u202e', '\u200b', '\ud800', '漢字', '👩‍👩‍👧', '"', "'", '{', '}',
];

const foreignText = fc
  .array(fc.oneof(fc.constantFrom(...MEANINGFUL), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((pieces) => pieces.join(''))
  .filter((text) => text !== '');

/** A report that has the text everywhere where text of others can be. */
function everywhere(text: string): Report {
  const foreign = { name: text, id: text, state: text, image: text, session: text, runUrl: text };
  const worked = { ...foreign, steps: [step({ action: 'stop' })] };
  const left = failed({ ...worked, error: text, command: `container ${text}` });
  const post = phase([left, resource(worked), resource({ ...foreign, outcome: 'kept', reason: text })], {
    verified: false,
    providers: [provider({ reason: text }), provider({ name: text, status: 'unavailable', reason: text, command: text })],
    workspace: {
      path: text,
      undeletable: 1,
      bytes: 1,
      restored: 1,
      whole: false,
      problem: text,
      command: text,
      omitted: 1,
      helpers: [{ name: text, problem: text, command: text }],
    },
  });
  return report({
    session: text,
    versions: { action: text, node: text },
    benchmark: { command: text, exitCode: 1, signal: text, timedOut: false, interruptedBy: null, durationMs: 1 },
    deaths: [
      death({ id: 'a', name: text, logFile: text, logTail: [text, text] }),
      death({ id: 'b', name: text, exitCode: null, reason: text, logFile: null, logReason: text }),
      death({ id: 'c', name: text, logFile: text, logReason: text, logTail: [text] }),
    ],
    pre: phase([{ ...left, kind: 'network' }, resource(worked)], { preflight: [text] }),
    run: phase([{ ...left, kind: 'volume', command: `volume ${text}` }]),
    post,
  });
}

const TAME = everywhere('x');
const summaryWith = (text: string) => rendered(summaryOf(everywhere(text), { reportPath: text }));
/** A `<wbr>` keeps an `@` from calling somebody. */
const elements = (html: string) => tags(html).filter((tag) => tag !== '<wbr>');
const tameElements = elements(summaryWith('x'));

/** Besides the examples, which come first. */
const RUNS = 150;

/** Tests that a property holds for what is known to be hostile, and for what nobody has thought of. */
function forAnyText(holds: (text: string) => void | Promise<void>): Promise<void> {
  const property = fc.asyncProperty(foreignText, async (text) => holds(text));
  return fc.assert(property, {
    numRuns: RUNS + MEANINGFUL.length,
    examples: [[HOSTILE], ...MEANINGFUL.map((piece): [string] => [piece])],
  });
}

/** What would change a terminal, a log, or its lines. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|##\w*\[|^\s*::/u;

/** Knows no kind of diagram before its first. */
beforeAll(() => mermaid.parse('gantt'));

describe('whatever a name, log, error or command is', { timeout: 60_000 }, () => {
  it('the summary has the same elements in the same order, none of them with an attribute more', () =>
    forAnyText((text) => {
      expect(elements(summaryWith(text))).toEqual(tameElements);
    }));

  it('the summary calls nobody: what GitHub would take for a mention stands in code', () =>
    forAnyText((text) => {
      const prose = summaryWith(text).replace(/<(code|pre)[^>]*>[\s\S]*?<\/\1>/g, '');
      expect(prose).not.toMatch(/@[\w-]/);
    }));

  it('the command is shown whole and in one line', () =>
    forAnyText((text) => {
      const blocks = [...summaryWith(text).matchAll(/<pre><code class="language-sh">([\s\S]*?)<\/code><\/pre>/g)];
      // An unreachable provider’s, post’s and the benchmark’s; then that of an earlier run, and those for the workspace. Each ends with a line break.
      expect(blocks.map(([, block = '']) => block.split('\n').length)).toEqual([3 + 1, 1 + 1, 2 + 1]);
    }));

  it('the timeline is one that Mermaid can draw, with as many bars', () =>
    forAnyText(async (text) => {
      const chart = /```mermaid\n([\s\S]*?)\n```/.exec(summaryOf(everywhere(text)))?.[1] ?? '';
      // These two have nothing foreign in them, and Mermaid takes a browser to read them.
      const { db } = await mermaid.mermaidAPI.getDiagramFromText(chart.replace(/^ {2}acc(Title|Descr): .*\n/gm, ''));
      const tasks = (db as unknown as { getTasks(): readonly { readonly task: string }[] }).getTasks();
      expect(tasks.map(({ task }) => /^30ms [\p{L}\p{N} …._/-]*$/u.test(`${task} `))).toEqual([true, true]);
    }));

  it('a log’s line is one line, with nothing hidden in it', () =>
    forAnyText((text) => {
      const { post } = everywhere(text).phases;
      const lines = post ? [...post.resources.map(resourceLine), ...post.providers.map(providerLine), ...closingLines(post)] : [];
      expect(lines.filter((line) => HIDDEN.test(line))).toEqual([]);
    }));

  it('a terminal gets nothing but text', () =>
    forAnyText((text) => {
      const shown = terminalOf(everywhere(text), { color: false, maxItems: 10, columns: 80 });
      expect(shown.split('\n').filter((line) => HIDDEN.test(line))).toEqual([]);
    }));

  it('an annotation is one line of bounded length', () =>
    forAnyText((text) => {
      const { post, pre } = everywhere(text.repeat(50)).phases;
      const troubles = [pre, post].flatMap((some) => (some ? { of: text, message: leftoversMessage(some) } : []));
      for (const { title, message } of [annotationOf(troubles, text), annotationOf(troubles.slice(1), text)]) {
        expect(title).not.toMatch(HIDDEN);
        expect(message).not.toMatch(HIDDEN);
        expect([...title].length).toBeLessThanOrEqual(100);
        expect([...message].length).toBeLessThanOrEqual(1_000);
      }
    }));

  it('the metrics have as many lines, and it stands in none but the session’s and the providers’', () =>
    forAnyText(async (text) => {
      const lines = (await metricsOf(everywhere(text))).split('\n');
      expect(lines).toHaveLength((await metricsOf(TAME)).split('\n').length);
      expect(
        lines.every((line) => line === '' || /^(# (HELP|TYPE) |cleanup_action_\w+(\{[\s\S]*\})? -?[\d.e+-]+$)/.test(line)),
      ).toBe(true);
    }));
});
