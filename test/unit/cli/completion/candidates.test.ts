import { describe, expect, it } from 'vitest';
import { candidates } from '../../../../src/cli/completion/candidates';
import { commandLine } from '../../../../src/cli/program';

const program = commandLine({});

function values(...words: readonly string[]): readonly string[] {
  return candidates(program, words).values.map(({ value }) => value);
}

it('offers no hidden command', () => {
  expect(values('')).not.toContain('complete');
});

it('offers nothing after a command that there is not', () => {
  expect(candidates(program, ['lst', ''])).toEqual({ values: [], files: false });
});

it('offers options where no argument is to come', () => {
  expect(values('list', '')).toContain('--watch');
});

it.each([
  ['zsh and fish', ['list', '--sort=a']],
  ['bash', ['list', '--sort', '=', 'a']],
  ['all', ['list', '--sort', 'a']],
])('offers an option’s values as %s takes the line apart', (_, words) => {
  expect(values(...words)).toEqual(['age']);
});

it('offers files for a path', () => {
  expect(candidates(program, ['run', '--report-path', '']).files).toBe(true);
});

it('offers nothing for free text', () => {
  expect(candidates(program, ['sweep', '--session', ''])).toEqual({ values: [], files: false });
});

it('goes on after a switch', () => {
  expect(values('list', '--watch', '--rev')).toEqual(['--reverse']);
});

describe('what comes after --', () => {
  it('is files', () => {
    expect(candidates(program, ['run', '--', '']).files).toBe(true);
  });
});

it('says what an option means, without its default', () => {
  const [grace] = candidates(program, ['run', '--grace']).values;
  expect(grace).toEqual({ value: '--grace-period', description: 'Time between the stop signal and SIGKILL' });
});
