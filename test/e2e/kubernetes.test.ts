import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newJob } from '../support/job/jobs';

const KUBECONFIG = `
current-context: bench
clusters: [{ name: there, cluster: { server: 'https://127.0.0.1:1' } }]
users: [{ name: me, user: { tokenFile: token } }]
contexts: [{ name: bench, context: { cluster: there, user: me } }]
`;

test('a cluster that does not answer is told by its address: the bundle reads kubeconfigs', async () => {
  const job = await newJob({ inputs: { kubernetes: 'true', run: 'echo started', retries: '0' } });
  const file = join(job.temp, 'kubeconfig');
  await Promise.all([writeFile(file, KUBECONFIG), writeFile(join(job.temp, 'token'), 'secret')]);

  const main = await job.main({ INPUT_KUBECONFIG: file });

  expect(main.exitCode).toBe(1);
  expect(main.output).toContain(
    'kubernetes is set to true, and can’t be used: https://127.0.0.1:1 can’t be reached: ECONNREFUSED',
  );
  expect(main.output).not.toContain('started');
});
