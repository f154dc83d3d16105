import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUnlimited, matchesGlob } from '../../../src/core/glob';

describe('a glob', () => {
  it.each([
    ['sweb.eval.django-1.run-17', 'sweb.eval.*.run-17', true],
    ['sweb.eval.django-1.run-170', 'sweb.eval.*.run-17', false],
    ['sweb-eval-django-1.run-17', 'sweb.eval.*.run-17', false],
    ['bench-1', 'bench-*', true],
    ['bench-', 'bench-*', true],
    ['bench', 'bench-*', false],
    ['my-bench', '*bench', true],
    ['my-bench-2', '*bench', false],
    ['ab', 'ab*b', false],
    ['abb', 'ab*b', true],
    ['a-b-c', 'a*b*c', true],
    ['a-c-b', 'a*b*c', false],
    ['', '*', true],
    ['', '', true],
    ['plain', 'plain', true],
    ['plain', 'plai', false],
    ['a.c', 'a?c', false],
  ])('of %j by %j: %s', (text, glob, matches) => {
    expect(matchesGlob(text, glob)).toBe(matches);
  });

  it('means the same as the regular expression that it stands for, and stays fast', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '\\', '*'), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, (text, glob) => {
        const expression = glob.split('*').map((part) => part.replace(/[.\\]/g, '\\$&'));
        expect(matchesGlob(text, glob)).toBe(new RegExp(`^${expression.join('.*')}$`).test(text));
      }),
    );
    expect(matchesGlob('a'.repeat(100_000), `${'a*'.repeat(1_000)}b`)).toBe(false);
  });

  it.each([
    ['*', true],
    ['***', true],
    ['', false],
    ['a*', false],
    ['*-', false],
  ])('%j can match everything: %s', (glob, unlimited) => {
    expect(isUnlimited(glob)).toBe(unlimited);
  });
});
