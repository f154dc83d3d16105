import { afterAll, inject, it } from 'vitest';
import { Cluster } from './cluster';

/** The cluster of all test files. What a file makes in namespaces of `cluster.namespace()` goes when its tests have ended. */
export const cluster = new Cluster(inject('cluster'));

/** A test that breaks the cluster or looks at its node's processes: only on one of the tests' own. */
export const itOnOwnCluster = it.skipIf(!cluster.isOwn);

afterAll(() => cluster.removeAll());
