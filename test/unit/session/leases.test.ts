import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { thisProcess } from '../../../src/lib/process-identity';
import { thisSpace } from '../../../src/lib/process-space';
import { type HeldLease, Leases } from '../../../src/session/leases';

const NOW = Date.UTC(2030, 0, 1);
const DAY_MS = 24 * 3_600_000;

/** Same pid, another start of the process. */
const ENDED = { ...thisProcess(), startedAt: `${thisProcess().startedAt}0` };
const OF_ANOTHER_BOOT = { ...thisProcess(), startedAt: '11111111-2222-3333-4444-555555555555 4711' };
const SESSION = 'gh-1-1.0badcafe.aaaaaaaa';

let root: string;
let own: string;
let shared: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cleanup-leases-'));
  [own, shared] = [join(root, 'own'), join(root, 'shared')];
});
afterEach(() => rm(root, { recursive: true, force: true }));

const leases = (space = thisSpace(), places = { own, shared }) => new Leases(places, { now: () => NOW }, space);

const lease = (changes: Partial<HeldLease> = {}): HeldLease => ({
  session: SESSION,
  since: NOW - 1_000,
  engines: ['engine-1'],
  filters: { labels: [[{ key: 'team', value: 'eval' }, { key: 'gpu' }]], namePrefixes: ['bench-'] },
  keeper: thisProcess(),
  directory: root,
  ...changes,
});

const sessions = () =>
  leases()
    .atWork()
    .map(({ session }) => session);

/** Takes it in both places, or in one. */
async function wordOf(changes: Partial<HeldLease>, space = thisSpace()): Promise<unknown> {
  await leases(space).take(lease(changes));
  return leases().wordOf(changes.session ?? SESSION);
}

describe('a session is live', () => {
  it('while its keeper and its directory are there', async () => {
    expect(await wordOf({})).toBe('live');
    const { keeper: _, directory: __, ...shown } = lease();
    expect(leases().atWork()).toEqual([shown]);
  });

  it('while its keeper is there, where it has no directory', async () => {
    const { directory: _, ...held } = lease();
    await leases().take(held);
    expect(leases().wordOf(SESSION)).toBe('live');
  });

  it('for other users, too', async () => {
    await leases().take(lease());
    expect(leases(thisSpace(), { own: join(root, 'another’s'), shared }).wordOf(SESSION)).toBe('live');
  });
});

it('a live session is not hidden by thousands of files, leases or not', async () => {
  await leases().take(lease({ session: 'zz-live' }));
  const planted = (session: string) =>
    JSON.stringify({ ...lease({ session, keeper: OF_ANOTHER_BOOT }), space: { ...thisSpace(), machine: 'another' } });
  const paths = Array.from({ length: 5_000 }, (_, number) => join(shared, `aa-${number}.json`));
  await Promise.all(paths.map((path, number) => writeFile(path, number % 2 ? '{}' : planted(`aa-${number}`))));
  expect(sessions().length).toBe(2_501);
  expect(sessions()).toContain('zz-live');
});

describe('a session is over', () => {
  it('when its keeper has ended', async () => {
    expect(await wordOf({ keeper: ENDED })).toBe('over');
    expect(sessions()).toEqual([]);
  });

  it('when the machine was started anew', async () => {
    expect(await wordOf({ keeper: OF_ANOTHER_BOOT })).toBe('over');
  });

  it('when it has said so, and left something', async () => {
    await leases().take(lease());
    await leases().release(SESSION, false);
    expect([leases().wordOf(SESSION), sessions(), await readdir(shared)]).toEqual(['over', [], []]);
  });
});

describe('nothing is said of a session', () => {
  it('that has left nothing', async () => {
    await leases().take(lease());
    await leases().release(SESSION, true);
    expect([leases().wordOf(SESSION), await readdir(own), await readdir(shared)]).toEqual([undefined, [], []]);
  });

  it('whose job’s directory is gone, while its keeper lives: that may have another job', async () => {
    expect(await wordOf({ directory: join(root, 'gone') })).toBeUndefined();
    expect(sessions()).toEqual([]);
    expect(await readdir(shared)).toEqual([]);
  });

  it('whose job would have lasted for longer than any job does', async () => {
    expect(await wordOf({ since: NOW - 6 * DAY_MS })).toBeUndefined();
  });

  it('whose id was chosen by hand, and may come again elsewhere', async () => {
    expect(await wordOf({ session: 'gitlab-1', keeper: ENDED })).toBeUndefined();
  });

  it.each(['../own/x', '.', '', 'a/b', 'x'.repeat(300)])('whose id is not a file’s name: %j', (session) => {
    expect(leases().wordOf(session)).toBeUndefined();
  });
});

describe('it is not known whether a session lives', () => {
  it.each<[string, object, object?]>([
    ['in a container of this host', { namespaces: 'pid:[1] time:[1]' }],
    ['on a system that tells no starts of processes', {}, { startedAt: '' }],
  ])('%s', async (_, space, keeper = {}) => {
    expect(await wordOf({ keeper: { ...thisProcess(), ...keeper } }, { ...thisSpace(), ...space })).toBe('unknown');
    expect(sessions()).toEqual([SESSION]);
  });

  it('on another machine with this host name', async () => {
    expect(await wordOf({ keeper: OF_ANOTHER_BOOT }, { ...thisSpace(), machine: 'another' })).toBe('unknown');
  });

  it('on a machine that has no id, after another start', async () => {
    const anonymous = { ...thisSpace(), machine: '' };
    await leases(anonymous).take(lease({ keeper: OF_ANOTHER_BOOT }));
    expect(leases(anonymous).wordOf(SESSION)).toBe('unknown');
  });
});

describe('a lease that was planted', () => {
  const planted = (changes: Partial<HeldLease>) => JSON.stringify({ ...lease(changes), space: thisSpace() });

  it('condemns nothing, where all users may write', async () => {
    await mkdir(shared, { recursive: true });
    await writeFile(join(shared, `${SESSION}.json`), planted({ keeper: ENDED }));
    expect(leases().wordOf(SESSION)).toBeUndefined();
  });

  it.each([0o777, 0o1777, 0o770, 0o755, 0o750])('condemns nothing in an own directory with the mode %o', async (mode) => {
    await leases().take(lease({ keeper: ENDED }));
    await chmod(own, mode);
    expect(leases().wordOf(SESSION)).toBeUndefined();
  });

  it.runIf(process.getuid?.() === 0)('condemns nothing in a directory of another user', async () => {
    await leases().take(lease({ keeper: ENDED }));
    await chown(own, 65534, 65534);
    expect(leases().wordOf(SESSION)).toBeUndefined();
  });

  it('condemns nothing, whatever is in it, and holds nothing up', async () => {
    await mkdir(shared, { recursive: true });
    const odd = fc.oneof(fc.jsonValue(), fc.constantFrom('', '../x', -1, 0, 1e99, null));
    const fields = fc.record(
      { session: odd, since: odd, engines: odd, filters: odd, keeper: odd, directory: odd, space: odd, over: odd },
      { requiredKeys: [] },
    );
    const content = fc.oneof(
      fields.map((value) => JSON.stringify({ ...lease(), ...(value as object) })),
      fc.json(),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(content, async (text) => {
        await writeFile(join(shared, `${SESSION}.json`), text);
        expect(leases().wordOf(SESSION)).not.toBe('over');
        expect(() => leases().atWork()).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('condemns nothing by the name of another session', async () => {
    await mkdir(own, { mode: 0o700 });
    await writeFile(join(own, `${SESSION}.json`), planted({ session: 'gh-2-2.0badcafe.bbbbbbbb', keeper: ENDED }));
    expect(leases().wordOf(SESSION)).toBeUndefined();
  });

  it('does not condemn what the session’s own lease shows to live', async () => {
    await leases().take(lease());
    await writeFile(join(shared, `${SESSION}.json`), planted({ keeper: ENDED }));
    expect(leases().wordOf(SESSION)).toBe('live');
  });

  it('may spare', async () => {
    await leases().take(lease({ keeper: ENDED }));
    await writeFile(join(shared, `${SESSION}.json`), planted({}));
    expect(leases().wordOf(SESSION)).toBe('live');
  });
});

it.each([
  ['not JSON', 'x'],
  ['of another shape', '[1]'],
  ['null', 'null'],
  ['of a process group', { ...lease(), directory: '/', keeper: { pid: -1, startedAt: '' } }],
  ['with odd filters', { ...lease(), directory: '/', filters: { labels: [1], namePrefixes: [] } }],
  ['of another host', { ...lease(), directory: '/', space: { ...thisSpace(), hostName: 'elsewhere' } }],
  ['too large', { ...lease(), directory: '/', session: 'x'.repeat(300_000) }],
])('a file that is %s is ignored', async (_, content) => {
  await leases().take(lease());
  const text = typeof content === 'string' ? content : JSON.stringify({ space: thisSpace(), ...content });
  await writeFile(join(shared, 'planted.json'), text);
  await writeFile(join(shared, 'gh-2-2.0badcafe.bbbbbbbb.json'), text);
  expect([sessions(), leases().wordOf('gh-2-2.0badcafe.bbbbbbbb')]).toEqual([[SESSION], undefined]);
});

it.skipIf(process.platform === 'win32')('a pipe that was put in a lease’s place holds nothing up', async () => {
  await leases().take(lease());
  execFileSync('mkfifo', [join(shared, 'pipe.json'), join(own, 'gh-2-2.0badcafe.bbbbbbbb.json')]);
  expect([sessions(), leases().wordOf('gh-2-2.0badcafe.bbbbbbbb')]).toEqual([[SESSION], undefined]);
});

it('a session’s lease is never written through a link', async () => {
  await leases().take(lease({ session: 'first' }));
  await writeFile(join(root, 'precious'), 'precious');
  await symlink(join(root, 'precious'), join(shared, `${SESSION}.json`));
  await leases().take(lease());
  expect(execFileSync('cat', [join(root, 'precious')], { encoding: 'utf8' })).toBe('precious');
  expect(sessions()).toContain(SESSION);
});

it('a directory that another has replaced by a link is not used', async () => {
  await symlink(root, shared);
  await expect(leases().take(lease())).rejects.toThrow('is not a directory');
  expect(leases().wordOf(SESSION), 'the own one is').toBe('live');
});

it('there are no leases where there is no directory', () => {
  expect([sessions(), leases().wordOf(SESSION), leases(thisSpace(), { own: undefined as never, shared }).areKept]).toEqual([
    [],
    undefined,
    false,
  ]);
});

it('what is over is forgotten after a month', async () => {
  await leases().take(lease({ session: 'old', keeper: ENDED, since: NOW - 31 * DAY_MS }));
  await leases().take(lease({ keeper: ENDED, since: NOW - 29 * DAY_MS }));
  await leases().take(lease({ session: 'new' }));
  expect((await readdir(own)).toSorted()).toEqual([`${SESSION}.json`, 'new.json']);
});
