import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { laterSteps } from '../../../src/benchmark/later-steps';

/** Of one test: what another one started may still be on its way out. */
let session: string;
let mark: Readonly<Record<string, string>>;
beforeEach(() => {
  session = `gh-1-1.aaaaaaaa.${randomUUID().slice(0, 8)}`;
  mark = { CLEANUP_SESSION_ID: session };
});

/** A process that outlives its parent, so that it is not a child of the tests'. */
async function orphan(env: Readonly<Record<string, string>>): Promise<number> {
  const shell = spawn('bash', ['-c', 'sleep 1000 > /dev/null 2>&1 & echo $!'], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  shell.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  await once(shell, 'close');
  const pid = Number(text);
  onTestFinished(() => void process.kill(pid, 'SIGKILL'));
  return pid;
}

const pids = async (env: Readonly<Record<string, string>>) => {
  const { ending, outliving } = laterSteps(session, env);
  return [await ending.alive(), await outliving.alive()].map((found) => found.map(({ pid }) => pid));
};

const action: { readonly inputs: Readonly<Record<string, { readonly default?: string }>> } = parse(
  readFileSync('action.yml', 'utf8'),
);
/** As the runner sets them for main and post. */
const ownInputs = Object.fromEntries(
  Object.entries(action.inputs).map(([name, { default: value = '' }]) => [`INPUT_${name.toUpperCase()}`, value]),
);

it.runIf(process.platform === 'linux')('what carries the session’s id is of the job, unless it was taken out of it', async () => {
  const plain = await orphan(mark);
  const tracked = await orphan({ ...mark, RUNNER_TRACKING_ID: 'github_1' });
  const untracked = await orphan({ ...mark, RUNNER_TRACKING_ID: '' });
  await orphan({ CLEANUP_SESSION_ID: `${session}1` });
  await orphan({ ...mark, RUNNER_TRACKING_ID: 'github_1', ...ownInputs }); // Another post.
  await orphan({});

  const inOrder = (a: number, b: number) => a - b;
  expect((await pids({ RUNNER_TRACKING_ID: 'github_1' })).map((each) => each.toSorted(inOrder))).toEqual([
    [tracked],
    [plain, untracked].toSorted(inOrder),
  ]);
  expect((await pids({})).map((each) => each.toSorted(inOrder))).toEqual([[plain, tracked, untracked].toSorted(inOrder), []]);
});

it.runIf(process.platform === 'linux')(
  'another action’s process is of the job, though an input of it has the name of one of ours',
  async () => {
    const others = [
      await orphan({ ...mark, 'INPUT_PRE-CLEANUP': 'stale' }),
      await orphan({ ...mark, 'INPUT_PRE-CLEANUP': 'true', 'INPUT_POST-CLEANUP': 'true', INPUT_TIMEOUT: '5m' }),
    ];
    await orphan({ ...mark, ...ownInputs });

    const [ending] = await pids({});

    expect(ending?.toSorted((a, b) => a - b)).toEqual(others.toSorted((a, b) => a - b));
  },
);

it.runIf(process.platform === 'linux')('a child of this process is not, though it carries the id', async () => {
  const child = spawn('sleep', ['1000'], { env: { PATH: process.env['PATH'], ...mark }, stdio: 'ignore' });
  await once(child, 'spawn');
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await pids({})).toEqual([[], []]);
});
