import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseConfig, type RawSettings } from '../../../src/config/config';
import type { Connection } from '../../../src/core/connection';
import { labels } from '../../../src/core/labels';
import type { Baseline } from '../../../src/core/selector';
import { systemClock as clock } from '../../../src/lib/clock';
import type { Deadline } from '../../../src/lib/deadline';
import { withDeadline } from '../../../src/lib/deadline';
import type { Environment } from '../../../src/lib/environment';
import { cleanUp } from '../../../src/phases/cleanup';
import { type Selection, selectAfter, selectBefore } from '../../../src/phases/selection';
import { readSnapshot, writeSnapshot } from '../../../src/phases/snapshot';
import { kubernetes } from '../../../src/providers/kubernetes/discover';
import type { PhaseReport, ResourceReport } from '../../../src/report/model';
import { hex } from '../session/begun';
import { livenessOf } from '../session/liveness';
import { cluster } from './own-cluster';

export interface SessionOptions {
  readonly id?: string;
  /** The path of a kubeconfig; of somebody who may do all, by default. */
  readonly kubeconfig?: string;
  readonly env?: Environment;
  readonly deadlineMs?: number;
}

/** Connects to the tests' cluster as settings say. */
export async function connectTo(
  raw: RawSettings,
  { id, kubeconfig, env = {} }: SessionOptions,
  deadline: Deadline,
): Promise<Connection> {
  const file = kubeconfig ?? (await cluster.kubeconfig());
  const config = parseConfig({ gracePeriod: '2s', kubeconfig: file, retryDelay: '200ms', ...raw }, env);
  const [found] = kubernetes.discover({ config, env, clock, deadline, endpoints: {}, sessionId: id });
  if (found === undefined) throw new Error('no connection at all');
  return found;
}

/** A session as main and post have it, in namespaces of the tests' cluster. */
export async function sessionIn(namespaces: readonly string[], raw: RawSettings = {}, options: SessionOptions = {}) {
  const { id = `gh-1-1.${hex()}.${hex()}`, deadlineMs = 60_000 } = options;
  const settings = { kubernetesNamespaces: namespaces.join('\n'), gracePeriod: '2s', retryDelay: '200ms', ...raw };
  const config = parseConfig(settings, {});
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-kubernetes-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const startedAt = clock.now();
  const before: Baseline = await withDeadline(30_000, { clock }, async (deadline) => {
    await writeSnapshot(directory, startedAt, [await connectTo(settings, { ...options, id }, deadline)], deadline);
    return readSnapshot(directory);
  });
  const clean = (selection: Selection): Promise<PhaseReport> =>
    withDeadline(deadlineMs, { clock }, async (deadline) =>
      cleanUp({
        connections: [await connectTo(settings, { ...options, id }, deadline)],
        selection,
        mode: { kind: 'remove' },
        config,
        deadline,
        clock,
        log: () => undefined,
      }),
    );
  return {
    id,
    /** The session's label, for objects. */
    label: { [labels.session]: id },
    pre: () => clean(selectBefore(config, id, livenessOf(id), clock.now())),
    post: () => clean(selectAfter(config, id, before)),
  };
}

/** `pod a: graceful`, in order. */
export function outcomesIn({ resources }: PhaseReport): readonly string[] {
  return resources.map(({ kind, name, outcome }: ResourceReport) => `${kind} ${name}: ${outcome}`).sort();
}
