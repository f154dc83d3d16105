import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseConfig, type RawSettings } from '../../../src/config/config';
import type { Connection } from '../../../src/core/connection';
import type { Baseline } from '../../../src/core/selector';
import { systemClock as clock } from '../../../src/lib/clock';
import { withDeadline } from '../../../src/lib/deadline';
import { cleanUp, engineIdOf } from '../../../src/phases/cleanup';
import { type Selection, selectAfter, selectBefore } from '../../../src/phases/selection';
import { readSnapshot, writeSnapshot } from '../../../src/phases/snapshot';
import type { Buildx } from '../../../src/providers/docker/resources/builder-instances';
import type { PhaseReport } from '../../../src/report/model';
import type { Lease } from '../../../src/session/leases';
import type { Handover } from '../../../src/session/left-images';
import { dockerHost } from '../engine/own-engine';
import { provider } from '../engine/sweeping';
import { livenessOf } from './liveness';

/** Eight characters of an id. */
export const hex = () => randomUUID().slice(0, 8);

/** A session as main and post have it, beside others on the same engine. */
export async function begun(raw: RawSettings = {}, buildx?: Buildx, url = dockerHost) {
  const id = `gh-1-1.${hex()}.${hex()}`;
  const config = parseConfig({ gracePeriod: '1s', ...raw }, {});
  const connection: Connection = {
    name: 'docker',
    status: 'ready',
    provider: await provider({ kinds: config.resources, orphanedVolumes: true }, url, buildx),
    description: 'the tests’ engine',
    found: {},
  };
  const clean = (selection: Selection, leases: readonly Lease[] = [], leftImages?: Handover): Promise<PhaseReport> =>
    withDeadline(60_000, { clock }, (deadline) =>
      cleanUp({
        connections: [connection],
        selection,
        mode: { kind: 'remove' },
        config,
        deadline,
        clock,
        leases: () => leases,
        ...(leftImages ? { leftImages } : {}),
        log: () => undefined,
      }),
    );
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-ownership-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const startedAt = clock.now();
  const before: Baseline = await withDeadline(30_000, { clock }, async (deadline) => {
    await writeSnapshot(directory, startedAt, [connection], deadline);
    return readSnapshot(directory);
  });
  const engine = await withDeadline(10_000, { clock }, (deadline) => engineIdOf(connection.provider, deadline));
  return {
    id,
    startedAt,
    engine,
    pre: () => clean(selectBefore(config, id, livenessOf(id), clock.now())),
    post: (leases: readonly Lease[] = [], volumes?: ReadonlySet<string>, leftImages?: Handover) =>
      clean(selectAfter(config, id, before, volumes), leases, leftImages),
  };
}

/** The names of what was spared for that reason. */
export const names = ({ spared = [] }: PhaseReport, wanted: string) =>
  spared.flatMap(({ why, names: all }) => (why === wanted ? all : []));
