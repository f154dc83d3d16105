import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { labels, runnerOf } from '../../../src/core/labels';
import type { Environment } from '../../../src/lib/environment';
import {
  githubRunner,
  labelArgument,
  labelFile,
  newSession,
  type RunnerIdentity,
  type SessionOrigin,
  withoutRunner,
} from '../../../src/session/session';

const RUNNER: RunnerIdentity = { name: 'runner-1', hostName: 'host-a', directory: '/actions-runner/_work/_temp' };
const where: SessionOrigin = { run: 'gh-123-1', runner: RUNNER };

describe('a session’s id', () => {
  it('is run, runner and nonce', () => {
    expect(newSession(where).id).toMatch(/^gh-123-1\.[0-9a-f]{8}\.[a-z0-9]{8}$/);
  });

  it('is another one each time', () => {
    const ids = Array.from({ length: 100 }, () => newSession(where).id);
    expect(new Set(ids).size).toBe(100);
  });

  it.each([
    ['cli-jane.doe', 'cli-jane_doe'],
    ['a.b.c', 'a_b_c'],
    ['cli-Jöhn', 'cli-J_hn'],
    ['x\n::set-output', 'x___set-output'],
    ['$(reboot)', '__reboot_'],
    ['../../etc', '______etc'],
    ['a=b,c', 'a_b_c'],
    ['', 'unknown'],
  ])('keeps its form when the run is called %j', (run, shown) => {
    const { id } = newSession({ ...where, run });
    expect(id.split('.')).toEqual([shown, expect.stringMatching(/^[0-9a-f]{8}$/), expect.stringMatching(/^[a-z0-9]{8}$/)]);
    expect(runnerOf(id)).toBeDefined();
  });
});

describe('the runner in a session’s id', () => {
  const runner = (changes: Partial<RunnerIdentity> = {}, more: Partial<SessionOrigin> = {}) =>
    runnerOf(newSession({ ...where, runner: { ...RUNNER, ...changes }, ...more }).id);

  it('is the same for every session of a runner', () => {
    expect(runner({}, { run: 'gh-456-2', job: 'other' })).toBe(runner());
  });

  it.each<Partial<RunnerIdentity>>([
    { name: 'runner-2' },
    { hostName: 'host-b' },
    { directory: '/other-runner/_work/_temp' },
    { place: '8 4711' },
  ])('is another one for %o', (changes) => {
    expect(runner(changes)).not.toBe(runner());
  });

  it('does not mix up where the name ends and the host begins', () => {
    expect(runner({ name: 'a', hostName: 'bc' })).not.toBe(runner({ name: 'ab', hostName: 'c' }));
  });

  it('that nothing tells from another is written in the same form, and is never the same runner', () => {
    const { id } = newSession({ ...where, runner: undefined });
    expect(id).toMatch(/^gh-123-1\.00000000\.[a-z0-9]{8}$/);
    expect(runnerOf(id)).toBeUndefined();
  });

  it.each<[string, Environment]>([
    ['has no name', { RUNNER_TEMP: '/tmp' }],
    ['has an empty name', { RUNNER_NAME: '', RUNNER_TEMP: '/tmp' }],
    ['has no directory', { RUNNER_NAME: 'runner-1' }],
  ])('is unknown where it %s', (_, env) => {
    expect(githubRunner(env, 'host-a')).toBeUndefined();
  });

  it('is another one in a container with the same names and paths, and the same one in the next job', async () => {
    const root = await mkdtemp(join(tmpdir(), 'session-'));
    onTestFinished(() => rm(root, { recursive: true }));
    const temp = join(root, '_work', '_temp');
    const inJob = async () => {
      await rm(temp, { recursive: true, force: true });
      await mkdir(temp, { recursive: true });
      const found = githubRunner({ RUNNER_NAME: 'runner-1', RUNNER_TEMP: temp }, 'host-a');
      return runnerOf(newSession({ ...where, runner: found }).id);
    };
    const [first, next] = [await inJob(), await inJob()];
    await rename(join(root, '_work'), join(root, 'elsewhere')); // As if seen from another container.

    expect([next, await inJob()]).toEqual([first, expect.not.stringMatching(first ?? '')]);
  });

  it.each(['', 'x', 'x.12345678', 'x.1234567g.nonce001', 'x.12345678.short', 'x.y.12345678.nonce001', '.12345678.nonce001'])(
    'is unknown in %j, which is no session’s id',
    (text) => {
      expect(runnerOf(text)).toBeUndefined();
    },
  );
});

describe('a session that could not be announced', () => {
  it('has no runner, neither in its id nor in its label', () => {
    const session = withoutRunner(newSession({ ...where, job: 'bench' }));
    expect(session.id).toMatch(/^gh-123-1\.00000000\.[a-z0-9]{8}$/);
    expect(session.labels).toEqual({ [labels.session]: session.id, [labels.job]: 'bench' });
  });

  it('keeps an id that was chosen by hand', () => {
    const session = { id: 'mine', labels: { [labels.session]: 'mine' } };
    expect(withoutRunner(session)).toEqual(session);
  });
});

describe('a session’s labels', () => {
  it('begin with the one that is needed', () => {
    const { id, labels: own } = newSession({ ...where, repository: 'org/repo' });
    expect(Object.entries(own)[0]).toEqual([labels.session, id]);
  });

  it('tell people where it took place', () => {
    const session = newSession({ ...where, repository: 'org/repo', workflow: 'CI', job: 'bench', runUrl: 'https://x/1' });
    expect(session.labels).toEqual({
      [labels.session]: session.id,
      [labels.repository]: 'org/repo',
      [labels.workflow]: 'CI',
      [labels.job]: 'bench',
      [labels.runUrl]: 'https://x/1',
    });
  });

  it('leave out what is not known', () => {
    expect(Object.keys(newSession({ ...where, workflow: '' }).labels)).toEqual([labels.session]);
  });

  it('are one argument for docker run', () => {
    expect(labelArgument('gh-1-1.12345678.nonce001')).toBe('io.github.cleanup-action.session=gh-1-1.12345678.nonce001');
  });
});

describe('the label file', () => {
  it('is a label a line', () => {
    const session = newSession({ ...where, job: 'bench' });
    expect(labelFile(session)).toBe(`${labels.session}=${session.id}\n${labels.job}=bench\n`);
  });

  it.each(['a\nb', 'a\r\nb', 'a\n\n\nb', 'a\rb'])('has no line break of a value in it: %j', (workflow) => {
    const lines = labelFile(newSession({ ...where, workflow })).split('\n');
    expect(lines.slice(1)).toEqual([`${labels.workflow}=a b`, '']);
  });
});
