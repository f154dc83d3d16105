import { describe, expect, it } from 'vitest';
import { closingLines, diskLine, resourceLine } from '../../../src/report/lines';
import { disk, failed, HOSTILE, phase, resource, step } from '../../support/report/sample';

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

describe('the lines about the workspace', () => {
  const found = {
    path: '/work',
    undeletable: 312,
    bytes: 4e6,
    restored: 0,
    whole: true,
    problem: null,
    command: 'sudo chown -hR 1001:1001 /work/out',
  };

  it('tell what can’t be deleted, and the command for it', () => {
    expect(closingLines(phase([], { workspace: found })).slice(1)).toEqual([
      '312 files in the workspace (4.0MB) can’t be deleted by the runner’s user: containers made them as another user. “workspace-ownership: restore” gives them back.',
      '  sudo chown -hR 1001:1001 /work/out',
    ]);
  });

  it('tell what was given back, what could not be, and where they may not be all', () => {
    const restored = { ...found, undeletable: 0, restored: 1, command: null };
    const [, line] = closingLines(phase([], { workspace: restored }));
    expect(line).toBe('1 file that containers left in the workspace belongs to the runner’s user again.');
    const stuck = { ...found, whole: false, problem: 'sudo: a password is required' };
    expect(closingLines(phase([], { workspace: stuck }))[1]).toMatch(
      /^At least 312 files .* They could not be given back: sudo: a password is required\. Not all of the workspace could be looked at\.$/,
    );
  });

  it('tell how many directories the command leaves out', () => {
    const [, line] = closingLines(phase([], { workspace: { ...found, omitted: 37 } }));
    expect(line).toMatch(/The command leaves out 37 directories, for which it has no room\.$/);
  });

  it('tell of a container that may still be there, and the command for it, also where all was given back', () => {
    const helpers = [{ name: 'helper', problem: 'the engine is busy', command: 'docker rm --force --volumes helper' }];
    const workspace = { ...found, undeletable: 0, restored: 1, command: null, helpers };
    expect(closingLines(phase([], { workspace })).slice(1)).toEqual([
      '1 file that containers left in the workspace belongs to the runner’s user again. The container helper, which gave files back, may still be there: the engine is busy.',
      '  docker rm --force --volumes helper',
    ]);
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

describe('the line about disk space', () => {
  const full = { goal: 'min-free-disk', wanted: 20e9, before: 3e9, after: 7e9, reached: false } as const;

  it.each([
    ['docker: image-budget: 2 images removed, 5.0GB freed: images take 49.0GB of 50.0GB', disk()],
    ['docker: image-budget: nothing removed: images take 12.0GB of 50.0GB', disk({ before: 12e9, after: 12e9, images: [] })],
    [
      'docker: min-free-disk: 2 images removed, 4.0GB freed: only 7.0GB free, 20.0GB wanted: the rest is in use',
      disk({ ...full, reason: 'the rest is in use' }),
    ],
    [
      'docker: build-cache-budget: 1 record of build cache removed, 1.0GB freed: build cache takes 9.0GB of 10.0GB',
      disk({ goal: 'build-cache-budget', wanted: 10e9, before: 10e9, after: 9e9, records: 1, images: [] }),
    ],
    [
      'docker: min-free-disk: nothing removed: it can’t be known whether it is kept: it is elsewhere',
      disk({
        goal: 'min-free-disk',
        wanted: null,
        before: null,
        after: null,
        reached: null,
        reason: 'it is elsewhere',
        images: [],
      }),
    ],
  ])('%s', (line, goal) => {
    expect(diskLine(goal)).toBe(line);
  });
});
