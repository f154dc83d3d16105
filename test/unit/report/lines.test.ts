import { describe, expect, it } from 'vitest';
import { closingLines, resourceLine } from '../../../src/report/lines';
import { failed, HOSTILE, phase, resource, step } from '../../support/report/sample';

/** What would change a terminal or a log: control characters, line breaks, the runner's commands. */
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|##\w*\[|^\s*::/u;

describe('a resource’s line', () => {
  it('tells outcome, kind, name, id, state and time', () => {
    expect(resourceLine(resource())).toBe('graceful  container task-1  (0123456789ab, running)  1.2s');
  });

  it('tells the rungs that did not just work, and why it failed', () => {
    const steps = [
      step({ action: 'stop', result: 'timeout' }),
      step({ action: 'kill' }),
      step({ action: 'remove', attempts: 4, result: 'error', detail: 'no' }),
    ];
    expect(resourceLine(failed({ steps }))).toBe(
      'failed    container task-1  (0123456789ab, running)  1.2s  stop timeout → kill → remove error (4 attempts)  permission denied',
    );
  });

  it('tells why it was kept', () => {
    expect(resourceLine(resource({ outcome: 'kept', reason: 'post-cleanup is never' }))).toMatch(/ {2}post-cleanup is never$/);
  });

  it.each(['name', 'id', 'state', 'error', 'reason'] as const)('lets nothing hostile out of the %s', (field) => {
    expect(resourceLine(resource({ [field]: HOSTILE }))).not.toMatch(DANGEROUS);
  });
});

describe('the closing lines', () => {
  it('are the verdict alone when nothing is left', () => {
    expect(closingLines(phase([resource()]))).toEqual(['Everything is gone: 1 container in 6.2s']);
  });

  it('say for each leftover what to type', () => {
    const left = phase([failed({ command: 'docker rm a' }), resource(), failed({ command: 'docker rm b' })]);
    expect(closingLines(left)).toEqual([
      '2 containers are left behind: action needed; 1 container removed in 6.2s',
      'Commands to remove the remaining resources:',
      '  docker rm a',
      '  docker rm b',
    ]);
  });

  it('let nothing hostile out of a command', () => {
    expect(closingLines(phase([failed({ command: `docker rm ${HOSTILE}` })])).filter((line) => DANGEROUS.test(line))).toEqual([]);
  });
});
