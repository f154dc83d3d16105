import { describe, expect, it } from 'vitest';
import { htmlCode, htmlProse, htmlText, plainJson, plainLine } from '../../../src/report/escape';
import { HOSTILE } from '../../support/report/sample';

describe('a plain line', () => {
  it.each([
    ['an escape sequence', '\u001b[31mred', '\\u{1b}[31mred'],
    ['an escape sequence of one character', '\u009b31mred', '\\u{9b}31mred'],
    ['a backspace', 'a\bb', 'a\\u{8}b'],
    ['a null', 'a\0b', 'a\\u{0}b'],
    ['line breaks', 'a\nb\r\nc', 'a b  c'],
    ['a tab', 'a\tb', 'a b'],
    ['Unicode’s line breaks', 'a\u2028b\u2029c\u0085d', 'a\\u{2028}b\\u{2029}c\\u{85}d'],
    ['a turned direction', 'a\u202eb', 'a\\u{202e}b'],
    ['a zero-width space', 'a\u200bb', 'a\\u{200b}b'],
    ['a tag beyond the first plane', 'a\u{e0041}b', 'a\\u{e0041}b'],
    ['an isolated direction', 'a\u2066b\u2069c', 'a\\u{2066}b\\u{2069}c'],
    ['an Arabic letter mark', 'a\u061cb', 'a\\u{61c}b'],
    ['a device control string', '\u001bP1$r\u001b\\x', '\\u{1b}P1$r\\u{1b}\\x'],
    ['a window title', '\u001b]0;x\u0007', '\\u{1b}]0;x\\u{7}'],
    ['an old command', '##[error]x', '## [error]x'],
    ['a command of Azure', 'a ##vso[task.setvariable variable=x]y', 'a ## vso[task.setvariable variable=x]y'],
    ['a command of Azure in capitals', '##VSO[task.complete]', '## VSO[task.complete]'],
    ['a group of Azure', '##[group]x', '## [group]x'],
    ['a message of TeamCity', "##teamcity[buildStatus status='FAILURE']", "## teamcity[buildStatus status='FAILURE']"],
    ['a command of GitHub', '::error::x', ': :error::x'],
    ['an indented command of GitHub', ' \u3000::add-mask::x', ' \u3000: :add-mask::x'],
    ['a command of GitHub after a line break', '\n::stop-commands::x', ' : :stop-commands::x'],
    ['old commands one in the other', '####[##[x', '#### [## [x'],
    ['an old command that a line break took apart', '##\n[error]', '## [error]'],
  ])('shows %s for what it is', (_, text, shown) => {
    expect(plainLine(text)).toBe(shown);
  });

  it('leaves everything else as it is', () => {
    const text = 'Ünïcödé 漢字 🐳 a|b `c` <d> "e" ::f #[g] ## h ##i %0A';
    expect(plainLine(text)).toBe(text);
  });
});

describe('text in HTML', () => {
  it('is escaped, and one line', () => {
    expect(htmlText('<b>\n\n&amp; "x" \'y\'')).toBe('&lt;b&gt;  &amp;amp; &quot;x&quot; &#39;y&#39;');
  });

  it('has nothing hidden in it', () => {
    expect(htmlText(HOSTILE)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>]|##\w*\[/u);
  });

  it('can be code', () => {
    expect(htmlCode('</code><b>')).toBe('<code>&lt;/code&gt;&lt;b&gt;</code>');
  });
});

describe('prose', () => {
  it('mentions no one', () => {
    expect(htmlProse('docker (ssh://me@host)')).toBe('docker &#40;ssh://me@<wbr>host&#41;');
  });
});

describe('JSON for a terminal', () => {
  const value = { a: `${HOSTILE}\\##vso[x]\u009b31m\u2028\u{e0041}\u007f`, b: ['\n', '漢字 🐳'] };

  it('holds no control character but the line breaks between its lines', () => {
    expect(plainJson(JSON.stringify(value, null, 2))).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it('holds no command of a CI system', () => {
    expect(plainJson(JSON.stringify(value, null, 2))).not.toMatch(/##\w*\[|^\s*::/m);
  });

  it('means the same', () => {
    expect(JSON.parse(plainJson(JSON.stringify(value, null, 2)))).toEqual(value);
  });
});
