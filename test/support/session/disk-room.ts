import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { parseConfig, type RawSettings } from '../../../src/config/config';
import type { Connection } from '../../../src/core/connection';
import type { Disk, ImageSpace } from '../../../src/core/disk';
import { systemClock as clock } from '../../../src/lib/clock';
import { withDeadline } from '../../../src/lib/deadline';
import { engineIdOf } from '../../../src/phases/cleanup';
import { noteUses } from '../../../src/phases/disk/image-uses';
import { makeRoom } from '../../../src/phases/disk/room';
import { docker } from '../../../src/providers/docker/discover';
import type { DiskReport } from '../../../src/report/model';
import { ImageUses } from '../../../src/session/image-uses';
import type { Lease } from '../../../src/session/leases';
import { docker as ownDocker } from '../engine/containers';
import type { TestEngine } from '../engine/engine';
import { dockerHost } from '../engine/own-engine';
import { hex } from './begun';
import { livenessOf } from './liveness';

/** Makes room on the tests' engine as main does, with a state directory of the test's own. Spares all that is there already. */
export async function diskRoom(
  { url, docker: client }: Pick<TestEngine, 'url' | 'docker'> = { url: dockerHost, docker: ownDocker },
) {
  const state = await mkdtemp(join(tmpdir(), 'cleanup-room-'));
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  const uses = new ImageUses(state, clock);
  const before = (await client.listImages({ all: true })).map(({ Id }) => Id);
  const search = (raw: RawSettings) => {
    const keepImages = [inject('image'), ...before, raw.keepImages ?? ''].join('\n');
    return parseConfig({ gracePeriod: '1s', dockerHost: url, retryDelay: '100ms', ...raw, keepImages }, {});
  };
  const connected = async (raw: RawSettings = {}): Promise<Extract<Connection, { status: 'ready' }>> => {
    const config = search(raw);
    return withDeadline(10_000, { clock }, async (deadline) => {
      const [connection] = await Promise.all(docker.discover({ config, env: {}, clock, deadline, endpoints: {} }));
      if (connection?.status !== 'ready') throw new Error('the tests’ engine does not answer');
      return connection;
    });
  };
  const connection = await connected();
  const disk = connection.disk as Disk;
  const engine = await withDeadline(10_000, { clock }, (deadline) => engineIdOf(connection.provider, deadline));
  const measure = async (): Promise<ImageSpace> => {
    const { signal } = new AbortController();
    return disk.measure(await disk.images.list('image', signal), signal);
  };
  return {
    engine: engine ?? '',
    disk,
    uses,
    measure,
    async make(raw: RawSettings, leases: readonly Lease[] = []) {
      const lines: string[] = [];
      const id = `gh-1-1.${hex()}.${hex()}`;
      const found = await connected(raw);
      const reports: readonly DiskReport[] = await withDeadline(60_000, { clock }, (deadline) =>
        makeRoom({
          connections: [found],
          config: search(raw),
          sessionId: id,
          liveness: livenessOf(id),
          leases: () => leases,
          uses,
          deadline,
          clock,
          log: (line) => lines.push(line),
        }),
      );
      return { reports, lines };
    },
    /** As post does. */
    note: (names: readonly string[]) =>
      withDeadline(10_000, { clock }, (deadline) => noteUses(connection, names, { uses, deadline, now: clock.now() })),
  };
}
