import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { whyHanging } from '../../../../../src/providers/docker/resources/hanging';

const ID = '4f'.repeat(32);

const KILL = '0000000000000100';
const TERM_AND_CHILD = '0000000000014000';

interface FakeProcess {
  readonly container?: string;
  readonly name?: string;
  /** The kernel's words for what each of its threads does. */
  readonly states?: readonly string[];
  /** The mask of signals that wait for the whole process. */
  readonly pending?: string;
}

describe('a container that outlives SIGKILL', () => {
  let proc: string;
  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'hanging-'));
    await mkdir(join(proc, 'self'));
  });
  afterEach(() => rm(proc, { recursive: true }));

  async function put(pid: number, process: FakeProcess): Promise<void> {
    const { container = ID, name = 'dd', states = ['D (disk sleep)'], pending = KILL } = process;
    await mkdir(join(proc, `${pid}`));
    await writeFile(join(proc, `${pid}`, 'cgroup'), `0::/docker/${container}\n`);
    for (const [index, state] of states.entries()) {
      const task = join(proc, `${pid}`, 'task', `${pid + index}`);
      await mkdir(task, { recursive: true });
      const signals = `SigPnd:\t0000000000000000\nShdPnd:\t${pending}\nSigBlk:\t${KILL}\n`;
      await writeFile(join(task, 'status'), `Name:\t${name}\nState:\t${state}\n${signals}`);
    }
  }

  it('has a process that waits in the kernel with the signal', async () => {
    await put(11, {});
    expect(await whyHanging(ID, proc)).toMatch(/^its process dd \(11\) waits in the kernel, and can’t be killed/);
  });

  it('may have one thread of many that waits, and many processes, of which three are named', async () => {
    for (const pid of [20, 30, 40, 50, 60]) await put(pid, { name: `p${pid}`, states: ['S (sleeping)', 'D (disk sleep)'] });
    const why = await whyHanging(ID, proc);
    expect(why).toMatch(/^its processes (p\d0 \(\d0\)(, )?){3} and 2 more wait in the kernel/);
  });

  it.each<[string, FakeProcess]>([
    ['is another container’s', { container: '5e'.repeat(32) }],
    ['only reads from a disk', { pending: '0000000000000000' }],
    ['has got other signals', { pending: TERM_AND_CHILD }],
    ['is about to end', { states: ['R (running)'] }],
  ])('is not explained by a process that %s', async (_, process) => {
    await put(11, process);
    expect(await whyHanging(ID, proc)).toBeUndefined();
  });

  it('is not explained where nothing can be seen', async () => {
    expect(await whyHanging(ID, join(proc, 'nowhere'))).toBeUndefined();
  });
});
