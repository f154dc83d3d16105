import { describe, expect, it } from 'vitest';
import { htmlCode, htmlText, plainLine } from '../../../src/report/escape';
import { HOSTILE } from './sample';

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
    ['an old command', '##[error]x', '## [error]x'],
    ['old commands one in the other', '####[##[x', '#### [## [x'],
    ['an old command that a line break took apart', '##\n[error]', '## [error]'],
  ])('shows %s for what it is', (_, text, shown) => {
    expect(plainLine(text)).toBe(shown);
  });

  it('leaves everything else as it is', () => {
    const text = 'Ünïcödé 漢字 🐳 a|b `c` <d> "e" ::f #[g] %0A';
    expect(plainLine(text)).toBe(text);
  });
});

describe('text in HTML', () => {
  it('is escaped, and one line', () => {
    expect(htmlText('<b>\n\n&amp; "x" \'y\'')).toBe('&lt;b&gt;  &amp;amp; &quot;x&quot; &#39;y&#39;');
  });

  it('has nothing hidden in it', () => {
    expect(htmlText(HOSTILE)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>]|##\[/u);
  });

  it('can be code', () => {
    expect(htmlCode('</code><b>')).toBe('<code>&lt;/code&gt;&lt;b&gt;</code>');
  });
});
