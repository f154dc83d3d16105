import { inject } from 'vitest';

// Suites without engines have none.
const hosts: readonly string[] = inject('dockerHosts') ?? [];

/**
 * `unix:///…` of the engine that the tests of this file have to themselves while they run: each of
 * vitest's workers has one, and runs one file at a time. So `scope: job` meets nothing of others.
 */
export const dockerHost = hosts[(Number(process.env['VITEST_POOL_ID']) - 1) % hosts.length] ?? '';
