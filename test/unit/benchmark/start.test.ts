import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shellCommand } from '../../../src/benchmark/shell';
import { type StartOptions, start } from '../../../src/benchmark/start';
import { StartError } from '../../../src/benchmark/start-error';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'start-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Tries to start a program, and says why that failed. */
async function failure(file: string, options: Partial<StartOptions> = {}): Promise<string> {
  const error: unknown = await start({
    command: { file, arguments: [] },
    workingDirectory: undefined,
    environment: process.env,
    stdin: 'ignore',
    ...options,
  }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartError);
  return String((error as Error).message);
}

async function program(text: string | Buffer, mode = 0o755): Promise<string> {
  const path = join(directory, 'program');
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

describe('a benchmark that can’t be started says in one line', () => {
  it('that its shell was not found', async () => {
    expect(await failure('no-such-shell')).toBe('shell: "no-such-shell" was not found; install it, or choose another');
  });

  it('that its shell may not be executed', async () => {
    const path = await program('#!/bin/sh\n', 0o644);
    expect(await failure(path)).toBe(`shell: "${path}" may not be executed; make it executable (chmod +x), or choose another`);
  });

  it('that the interpreter of its script was not found', async () => {
    const path = await program('#!/no/such/interpreter -x\n');
    expect(await failure(path)).toBe(
      `shell: "${path}" can’t be run: the interpreter in its first line, "#!/no/such/interpreter -x", was not found`,
    );
  });

  it('that Windows’s line ends are part of the interpreter’s name', async () => {
    const path = await program('#!/bin/sh\r\n');
    expect(await failure(path)).toContain('"#!/bin/sh\\r", was not found');
  });

  it('that the interpreter of a program on the path was not found', async () => {
    await program('#!/no/such/interpreter\n');
    expect(await failure('program', { environment: { PATH: `/no/such/place:${directory}` } })).toContain(
      '"#!/no/such/interpreter"',
    );
  });

  it('that its program was made for another system', async () => {
    // An executable whose loader (`/no/such/ld.so`) does not exist, as one for another libc is.
    const path = await program(elfWithLoader('/no/such/ld.so'));
    expect(await failure(path)).toBe(`shell: "${path}" can’t be run here: it was made for another system`);
  });

  it('that its shell is a path through a file', async () => {
    expect(await failure(`${await program('')}/bash`)).toMatch(
      /^shell: ".+\/program\/bash" could not be started: spawn ENOTDIR$/,
    );
  });

  it('that its environment is too long', async () => {
    expect(await failure('true', { environment: { ...process.env, LONG: 'x'.repeat(200_000) } })).toBe(
      'shell: "true" could not be started: spawn E2BIG',
    );
  });

  it('that its shell is no program', async () => {
    expect(await failure('')).toBe('shell: "" names no program');
  });

  it('that working-directory is not a directory', async () => {
    const path = await program('');
    expect(await failure('true', { workingDirectory: path })).toBe(
      `working-directory: "${path}" is not a directory; name one that exists when the benchmark starts`,
    );
  });
});

it('the shell {0} is the script itself', async () => {
  const command = await shellCommand('{0}', '#!/bin/sh\nexit 7', directory);

  const { exited } = await start({ command, workingDirectory: directory, environment: process.env, stdin: 'ignore' });

  expect(await exited).toEqual([7, null]);
});

/** A 64-bit program of this machine's kind that has a loader's name, and nothing else. */
function elfWithLoader(loader: string): Buffer {
  const machine = process.arch === 'arm64' ? 183 : 62;
  const [header, entry, name] = [Buffer.alloc(64), Buffer.alloc(56), Buffer.from(`${loader}\0`)];
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  entry.writeUInt32LE(3, 0); // PT_INTERP
  entry.writeBigUInt64LE(120n, 8);
  entry.writeBigUInt64LE(BigInt(name.length), 32);
  return Buffer.concat([header, entry, name]);
}
