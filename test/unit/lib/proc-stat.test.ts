import { expect, it } from 'vitest';
import { parseProcStat, readProcStat } from '../../../src/lib/proc-stat';

const REST = '0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0 18446744073709551615';

it('a thread of the kernel’s is told from a program, whatever its name', () => {
  expect(parseProcStat(`2 (kthreadd) S 0 0 0 0 -1 2129984 ${REST}`)).toMatchObject({
    pid: 2,
    isOfKernel: true,
    startedAt: '4711',
  });
  expect(parseProcStat(`9 (kthreadd) S 1 9 9 0 -1 4194560 ${REST}`)).toMatchObject({ pid: 9, isOfKernel: false });
});

it.runIf(process.platform === 'linux')('this process is a program, and runs', () => {
  expect(readProcStat(process.pid)).toMatchObject({ parent: process.ppid, hasEnded: false, isOfKernel: false });
});
