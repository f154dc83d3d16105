import Docker from 'dockerode';
import { describe, expect, inject, test } from 'vitest';
import { type ActRun, runJob } from '../support/act/act';

const dockerHost = inject('actEngine') ?? '';

/** The job's own last look, after our post: .github/actions/expect. */
const GOOD = /Nothing of leak-\w+ is left, \d resources are in the report, and bystander-\w+ was not touched/g;

async function run(run: Omit<ActRun, 'dockerHost'>) {
  const { exitCode, output } = await runJob({ dockerHost, ...run });
  return { hasSucceeded: exitCode === 0, looks: output.match(GOOD)?.length ?? 0, output };
}

describe.skipIf(dockerHost === '').concurrent('jobs of e2e.yml, run by act', () => {
  test.for(['first-example', 'run-input', 'composite', 'two-uses', 'without-proxy'])(
    '%s succeeds, and nothing is left',
    async (job) => {
      const { output, ...result } = await run({ job });
      expect(result, output).toEqual({ hasSucceeded: true, looks: 1 });
    },
  );

  test.for(['benchmark-fails', 'later-step-fails', 'times-out'])('%s fails, and nothing is left', async (job) => {
    const { output, ...result } = await run({ job });
    expect(result, output).toEqual({ hasSucceeded: false, looks: 1 });
  });

  test('bad inputs fail the step in one line that names them all, and nothing is left', async () => {
    const { output, ...result } = await run({ job: 'bad-inputs' });
    expect(result, output).toEqual({ hasSucceeded: false, looks: 1 });
    expect(output.match(/::error .*/g)).toEqual([expect.stringMatching(/2 problems: grace-period: .*; retries: /)]);
  });

  test('matrix succeeds in both of its jobs, and nothing is left', async () => {
    const { output, ...result } = await run({ job: 'matrix' });
    expect(result, output).toEqual({ hasSucceeded: true, looks: 2 });
  });

  test('a cancelled job leaves nothing', async () => {
    // The benchmark prints the container's id, then sleeps.
    const { output, ...result } = await run({ job: 'times-out', cancelAt: /\| [0-9a-f]{64}\n[\s\S]*\| [0-9a-f]{64}\n/ });
    expect(result, output).toEqual({ hasSucceeded: false, looks: 1 });
    expect(output).toContain('Main was killed before its end');
  });
});

describe.skipIf(dockerHost === '')('afterwards', () => {
  test('the engine is as empty as before the jobs', async () => {
    expect(await new Docker({ socketPath: dockerHost.replace('unix://', '') }).listContainers({ all: true })).toEqual([]);
  });
});
