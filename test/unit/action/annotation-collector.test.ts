import { describe, expect, it } from 'vitest';
import { AnnotationCollector } from '../../../src/action/annotation-collector';
import type { Log } from '../../../src/phases/log';

const SESSION = 'gh-1-1.3f9a1c22.k3v9q0xw';

/** A collector, and what it writes to the log behind it. */
function collecting(): { readonly troubles: AnnotationCollector; readonly told: readonly string[] } {
  const told: string[] = [];
  const log: Log = {
    debug: (line) => told.push(`debug ${line}`),
    info: (line) => told.push(`info ${line}`),
    warning: (line, title) => told.push(`warning [${title}] ${line}`),
    error: (line, title) => told.push(`error [${title}] ${line}`),
    mask: (secret) => told.push(`mask ${secret}`),
    async group(title, work) {
      told.push(`group ${title}`);
      return work();
    },
  };
  return { troubles: new AnnotationCollector(log), told };
}

describe('a phase’s log', () => {
  it('hands on what is no trouble', async () => {
    const { troubles, told } = collecting();
    const { debug, info, mask, group } = troubles;
    debug('a');
    info('b');
    mask('c');
    expect(await group('d', async () => 'done')).toBe('done');
    expect(told).toEqual(['debug a', 'info b', 'mask c', 'group d']);
  });

  it('tells a trouble in the log at once', () => {
    const { troubles, told } = collecting();
    troubles.warning('a', 'Cleanup');
    troubles.error('b', 'Benchmark');
    expect(told).toEqual(['info Warning: a', 'info Error: b']);
  });

  it('has one annotation for all warnings and one for all errors, with the session in their titles', () => {
    const { troubles, told } = collecting();
    for (const message of ['a', 'b']) troubles.warning(message, 'Cleanup');
    for (const message of ['c', 'd']) troubles.error(message, 'Benchmark');
    troubles.annotate(SESSION);
    expect(told.filter((line) => !line.startsWith('info'))).toEqual([
      `warning [Cleanup of session ${SESSION}] 2 problems: a; b`,
      `error [Benchmark of session ${SESSION}] 2 problems: c; d`,
    ]);
  });

  it('puts what matters most first, and leaves it out of the log before', () => {
    const { troubles, told } = collecting();
    troubles.warning('a', 'Recorder');
    troubles.prepend('warning', { of: 'Cleanup', message: '2 containers are left behind: action needed' });
    troubles.annotate(SESSION);
    expect(told).toEqual([
      'info Warning: a',
      `warning [Cleanup, Recorder of session ${SESSION}] 2 problems: 2 containers are left behind: action needed; a`,
    ]);
  });

  it('annotates nothing where there is nothing, nor anything twice', () => {
    const { troubles, told } = collecting();
    troubles.annotate(SESSION);
    troubles.prepend('error', { of: 'Main', message: 'a' });
    troubles.annotate(SESSION);
    troubles.annotate(SESSION);
    expect(told).toEqual([`error [Main of session ${SESSION}] a`]);
  });
});
