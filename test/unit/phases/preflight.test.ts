import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/core/connection';
import type { FileSystem } from '../../../src/core/disk';
import { labels } from '../../../src/core/labels';
import type { Resource } from '../../../src/core/resource';
import { systemClock as clock } from '../../../src/lib/clock';
import { withDeadline } from '../../../src/lib/deadline';
import { LastListings, type Preflight, preflight } from '../../../src/phases/preflight';
import { LIVE, livenessOf } from '../../support/session/liveness';

const OURS = 'gh-1-1.3f9a1c22.k3v9q0xw';
const OTHERS = 'gh-1-1.0badcafe.aaaaaaaa';
const LIVING = 'gh-2-1.0badcafe.bbbbbbbb';

const container = (changes: Partial<Resource>): Resource => ({
  provider: 'docker',
  kind: 'container',
  id: 'a',
  name: 'web',
  state: 'running',
  running: true,
  labels: {},
  ports: [8080],
  ...changes,
});

interface Machine {
  readonly space?: FileSystem | Error;
  readonly networks?: number;
  readonly listed?: readonly Resource[];
  readonly config?: Partial<Preflight['config']>;
}

async function troubles({ space = { size: 100e9, free: 50e9 }, networks, listed = [], config = {} }: Machine) {
  const disk = {
    fileSystem: async () => {
      if (space instanceof Error) throw space;
      return space;
    },
  };
  const connection = { name: 'docker', status: 'ready', disk, networksLeft: async () => networks } as unknown as Connection;
  const listings = new LastListings();
  await listings.watching({ selector: () => false }, [connection]).learn?.(listed);
  return withDeadline(5_000, { clock }, (deadline) =>
    preflight({
      connections: [connection],
      listings,
      config: { labels: undefined, namePrefixes: undefined, minFreeDisk: undefined, ...config },
      sessionId: OURS,
      liveness: livenessOf(OURS, { [LIVING]: LIVE }),
      deadline,
    }),
  );
}

describe('preflight', () => {
  it('says nothing where all is well, or can’t be known', async () => {
    expect(await troubles({ networks: 20 })).toEqual([]);
    expect(await troubles({ space: new Error('not on this machine') })).toEqual([]);
  });

  it.each<[FileSystem, boolean]>([
    [{ size: 8e9, free: 4.9e9 }, true],
    [{ size: 8e9, free: 5.1e9 }, false],
    [{ size: 500e9, free: 19e9 }, true],
    [{ size: 100e9, free: 19e9 }, false],
    [{ size: 2e12, free: 30e9 }, false],
  ])('of a disk %o says that it is nearly full: %s', async (space, isTold) => {
    expect((await troubles({ space })).length > 0).toBe(isTold);
  });

  it('says how little disk and how few networks are left', async () => {
    expect(await troubles({ space: { size: 80e9, free: 3.1e9 }, networks: 1 })).toEqual([
      'docker: only 3.1GB of 80.0GB are free where it keeps its data.',
      'docker: its address pools have room for 1 more network; after that, creating one fails.',
    ]);
  });

  it('leaves the disk to min-free-disk, where that is set', async () => {
    const minFreeDisk = { bytes: 1 } as unknown as NonNullable<Preflight['config']['minFreeDisk']>;
    expect(await troubles({ space: { size: 80e9, free: 1 }, config: { minFreeDisk } })).toEqual([]);
  });

  it('names ports of running containers that may be leftovers, and no others', async () => {
    const of = (session: string) => ({ [labels.session]: session });
    const listed = [
      container({ id: 'a', name: 'theirs', labels: of(OTHERS), ports: [8080, 8081] }),
      container({ id: 'b', name: 'matching', ports: [5432] }),
      container({ id: 'c', name: 'stranger', ports: [1] }),
      container({ id: 'd', name: 'ours', labels: of(OURS), ports: [2] }),
      container({ id: 'e', name: 'living', labels: of(LIVING), ports: [3] }),
      container({ id: 'f', name: 'ended', labels: of(OTHERS), running: false, ports: [4] }),
      container({ id: 'g', name: 'kept', labels: { ...of(OTHERS), [labels.keep]: 'true' }, ports: [5] }),
    ];
    expect(await troubles({ listed, config: { namePrefixes: ['match'] } })).toEqual([
      'Ports that another job left in use, or still uses: 8080 (container theirs), 8081 (container theirs), 5432 (container matching).',
    ]);
  });
});
