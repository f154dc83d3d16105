import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { processTable, signalProcess, survivorsLine } from '../../../src/benchmark/process-table';
import { limitsFrom, ProcessTree, SESSION_MARKER } from '../../../src/benchmark/process-tree';
import { systemClock } from '../../../src/lib/clock';
import { until } from '../../support/until';

/** What another run of these tests on this machine starts is not of this one. */
const SESSION = `gh-1-1.aaaaaaaa.${randomUUID().slice(0, 8)}`;

const isMarked = (environment: readonly string[]) => environment.includes('A=b');

/** A process in a group of its own, which says when it is ready. */
async function started(script: string, env: NodeJS.ProcessEnv = {}): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('bash', ['-c', `${script}\necho ready\nwait`], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('bash did not start');
  onTestFinished(() => void (child.exitCode === null && child.signalCode === null && process.kill(-pid, 'SIGKILL')));
  await once(child.stdout, 'data');
  return Object.assign(child, { pid });
}

it('a saved process group counts when a process in it carries the session’s mark', async () => {
  const { pid } = await started('env -i sleep 1000 &', { [SESSION_MARKER]: SESSION });

  const names = async () => (await ProcessTree.ofEarlier(SESSION, pid).alive()).map(({ name }) => name).sort();
  await until('`env` is `sleep`', async () => JSON.stringify(await names()) === '["bash","sleep"]');
});

it('a saved process group without the mark is another’s by now, and left alone', async () => {
  const { pid } = await started('sleep 1000 &', { [SESSION_MARKER]: 'gh-1-1.aaaaaaaa.another1' });

  expect(await ProcessTree.ofEarlier(SESSION, pid).alive()).toEqual([]);
});

it('a value that only begins with the session’s id is no mark of it', async () => {
  const { pid } = await started('sleep 1000 &', { [SESSION_MARKER]: `${SESSION}1` });

  expect(await ProcessTree.ofEarlier(SESSION, pid).alive()).toEqual([]);
});

it('without a saved process group the mark is enough', async () => {
  const child = await started('sleep 1000 &', { [SESSION_MARKER]: SESSION });
  const ended = once(child, 'exit');

  expect(await ProcessTree.ofEarlier(SESSION, undefined).end(limitsFrom(systemClock.now(), 5_000), systemClock)).toEqual([]);

  expect(await ended).toEqual([null, 'SIGTERM']);
});

it('what is deaf gets SIGKILL even where one look has taken all the time there was', async () => {
  const child = await started('trap "" TERM; sleep 1000 &', { [SESSION_MARKER]: SESSION });
  const ended = once(child, 'exit');

  await ProcessTree.ofEarlier(SESSION, child.pid).end(limitsFrom(systemClock.now() - 60_000, 0), systemClock);

  expect(await ended).toEqual([null, 'SIGKILL']);
});

it('a process that has the number of another by now gets no signal', async () => {
  const child = await started('trap "echo told" USR1; sleep 1000 &');
  const seen = (await processTable(isMarked))?.find(({ pid }) => pid === child.pid);
  if (seen === undefined) throw new Error('the process was not found');
  const told = once(child.stdout ?? child, 'data');

  signalProcess({ ...seen, startedAt: '1' }, 'SIGKILL');
  signalProcess(seen, 'SIGUSR1');

  expect(String(await told)).toBe('told\n');
});

it('a process whose name looks like the rest of its line is read right', async () => {
  const child = await started(`perl -e '$0 = "a) S 1 1 (b"; syswrite STDOUT, "ready"; sleep 1000' &`);
  await until('it has its name', async () => Boolean((await processTable(isMarked))?.some(({ name }) => name === 'a) S 1 1 (b')));

  const found = (await processTable(isMarked))?.find(({ name }) => name === 'a) S 1 1 (b');

  expect(found).toMatchObject({ group: child.pid, session: child.pid });
});

it('what could not be ended is named, ten of them at most', () => {
  const processes = Array.from({ length: 12 }, (_, index) => ({
    pid: index + 1,
    name: 'sleep',
    hasEnded: false,
    isOfKernel: false,
    parent: 1,
    group: 1,
    session: 1,
    startedAt: '1',
    isMarked: true,
  }));

  expect(survivorsLine(processes)).toMatch(
    /^12 processes of the benchmark could not be ended: sleep \(1\), .+ sleep \(10\) and 2 more\./,
  );
});
