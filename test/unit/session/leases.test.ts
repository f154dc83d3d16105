import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { thisProcess } from '../../../src/lib/process-identity';
import { type HeldLease, liveLeases, releaseLease, takeLease } from '../../../src/session/leases';

let root: string;
let directory: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cleanup-leases-'));
  directory = join(root, 'leases');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const lease = (changes: Partial<HeldLease> = {}): HeldLease => ({
  session: 'gh-1-1.0badcafe.aaaaaaaa',
  since: 1_000,
  engines: ['engine-1'],
  filters: { labels: [[{ key: 'team', value: 'eval' }, { key: 'gpu' }]], namePrefixes: ['bench-'] },
  keeper: thisProcess(),
  directory: root,
  ...changes,
});

const sessions = () => liveLeases(directory).map(({ session }) => session);

it('a lease is live while its keeper and its directory are there', async () => {
  await takeLease(directory, lease());
  expect(liveLeases(directory)).toEqual([lease()]);
});

it('a lease is over when it is released, or its keeper has ended, or its directory is gone', async () => {
  await takeLease(directory, lease());
  await takeLease(directory, lease({ session: 'killed', keeper: { ...thisProcess(), startedAt: 'before' } }));
  await takeLease(directory, lease({ session: 'emptied', directory: join(root, 'gone') }));
  await releaseLease(directory, lease().session);
  expect(sessions()).toEqual([]);
  expect(await readdir(directory)).toEqual([]);
});

it.each([
  ['not JSON', 'x'],
  ['of another shape', '[1]'],
  ['null', 'null'],
  ['of a process group', { ...lease({ directory: '/' }), host: hostname(), keeper: { pid: -1, startedAt: '' } }],
  ['with odd filters', { ...lease({ directory: '/' }), host: hostname(), filters: { labels: [1], namePrefixes: [] } }],
  ['of another host', { ...lease({ directory: '/' }), host: 'elsewhere' }],
  ['too large', { ...lease({ directory: '/' }), host: hostname(), session: 'x'.repeat(300_000) }],
])('a file that is %s is ignored', async (_, content) => {
  await takeLease(directory, lease());
  await writeFile(join(directory, 'planted.json'), typeof content === 'string' ? content : JSON.stringify(content));
  expect(sessions()).toEqual([lease().session]);
});

it('a session’s lease is never written through a link', async () => {
  await takeLease(directory, lease({ session: 'first' }));
  await writeFile(join(root, 'precious'), 'precious');
  await symlink(join(root, 'precious'), join(directory, `${lease().session}.json`));
  await expect(takeLease(directory, lease())).rejects.toThrow('EEXIST');
});

it('a directory that another has replaced by a link is not used', async () => {
  await symlink(root, directory);
  await expect(takeLease(directory, lease())).rejects.toThrow('is not a directory');
});

it('there are no leases where there is no directory', () => {
  expect(sessions()).toEqual([]);
});
