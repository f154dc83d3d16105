import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { JsonReporter } from 'vitest/node';

/**
 * Where others load the machine, an engine may be slower than any wait of ours. So a test on a real engine gets a second try, which is
 * told and counted: see second-tries.ts. One that finds a bystander touched gets none.
 */
const SECOND_TRY = { count: 1, condition: /^(?!.*bystander)/s };

const withEngine = {
  retry: SECOND_TRY,
  globalSetup: 'test/support/engine/engine-setup.ts',
  setupFiles: 'test/support/engine/limitations.ts',
  testTimeout: 90_000,
  hookTimeout: 90_000,
};

/** Tests wait more than they compute. Each worker has an engine of its own, which only root on Linux can start. */
const WORKERS = process.platform === 'linux' && process.getuid?.() === 0 ? Math.max(2, availableParallelism() - 1) : 1;

/** Where a script that runs tests wants their results, as JSON. */
const REPORT = process.env['TEST_REPORT'];

/** GitHub’s parser of workflows imports JSON as bundlers do and Node does not, and names source maps that it does not bring. */
const WORKFLOW_PARSER = /@actions\/(workflow-parser|expressions)\/.*\.js$/;

const workflowParser = {
  name: 'workflow-parser',
  load: (id: string) =>
    WORKFLOW_PARSER.test(id) ? readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*/m, '') : undefined,
};

export default defineConfig({
  test: {
    maxWorkers: WORKERS,
    reporters: [
      'default',
      ...(process.env['GITHUB_ACTIONS'] ? ['github-actions'] : []),
      ...(REPORT ? [new JsonReporter({ outputFile: REPORT })] : []),
      './test/support/second-tries.ts',
    ],
    projects: [
      // A busy machine takes its time, and a test that hangs is seen soon enough.
      {
        plugins: [workflowParser],
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 30_000,
          server: { deps: { inline: [WORKFLOW_PARSER] } },
        },
      },
      // Daytona's API, as the tests' own server has it: no engine.
      { test: { name: 'daytona', include: ['test/daytona/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...withEngine } },
      // The same tests on Podman, alone: its every stop and removal is a process or three.
      {
        test: {
          name: 'podman',
          include: ['test/integration/**/*.test.ts'],
          // Their engines are dockerds: see test/support/engine/engine-kinds.ts.
          exclude: ['test/integration/endpoints.test.ts', 'test/integration/proxy-upstreams.test.ts'],
          ...withEngine,
          globalSetup: 'test/support/engine/podman-setup.ts',
          sequence: { groupOrder: 2 },
        },
      },
      // They break engines of their own, and watch the clock: one after the other, after all others.
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          retry: SECOND_TRY,
          testTimeout: 120_000,
          hookTimeout: 90_000,
          setupFiles: 'test/support/engine/limitations.ts',
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...withEngine } },
      // .github/workflows/e2e.yml by a runner that is not ours; its slowest job waits for a minute.
      {
        test: {
          name: 'act',
          include: ['test/act/**/*.test.ts'],
          globalSetup: 'test/support/act/act-setup.ts',
          testTimeout: 240_000,
          maxConcurrency: 4,
        },
      },
      // A cluster of their own, which some of them break: one after the other. Built with Go, so that `npm test` leaves them out.
      {
        test: {
          name: 'kubernetes',
          include: ['test/kubernetes/**/*.test.ts'],
          retry: SECOND_TRY,
          globalSetup: 'test/support/kubernetes/kubernetes-setup.ts',
          testTimeout: 120_000,
          hookTimeout: 90_000,
          fileParallelism: false,
        },
      },
      // The command line's bundle, as people, cron and other CI systems start it.
      { test: { name: 'cli', include: ['test/cli/**/*.test.ts'], ...withEngine } },
    ],
  },
});
