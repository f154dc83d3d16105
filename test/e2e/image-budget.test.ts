import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { docker, hasImage } from '../support/engine/containers';
import { loadImage } from '../support/engine/image';
import { bystander, newJob } from '../support/job/jobs';

const execute = promisify(execFile);

async function image(): Promise<string> {
  const name = `budget-${randomUUID().slice(0, 8)}:1`;
  await loadImage(docker, { name });
  onTestFinished(async () => {
    await docker
      .getImage(name)
      .remove({ force: true })
      .catch(() => undefined);
  });
  return name;
}

test('main makes room, post notes what the proxy saw used, and the next main spares that', async () => {
  const state = await mkdtemp(join(tmpdir(), 'cleanup-state-'));
  onTestFinished(() => rm(state, { recursive: true }));
  const stranger = await bystander();
  const before = (await docker.listImages({ all: true })).map(({ Id }) => Id);
  const [older, younger] = [await image(), await image()];
  const options = (imageBudget: string, more: Readonly<Record<string, string>> = {}) => ({
    inputs: { 'image-budget': imageBudget, 'keep-images': [inject('image'), ...before].join('\n'), ...more },
    env: { CLEANUP_STATE_DIRECTORY: state },
  });

  const first = await newJob(options('1TB'));
  const begun = await first.main();
  const env = { ...process.env, ...Object.fromEntries(await first.exported()) };
  await execute('docker', ['run', '--rm', older, 'true'], { env });
  await first.post();
  const histories = await readdir(join(state, 'image-uses'));
  const history = await readFile(join(state, 'image-uses', histories[0] ?? ''), 'utf8');
  const total = (await first.report()).phases.pre?.disk?.[0]?.before ?? 0;
  const second = await newJob(options(`${total - 1}`));
  await second.main();
  const afterBudget = [await hasImage(older), await hasImage(younger)];
  await second.post(); // Until then, what came since it began may be its own.
  const third = await newJob(options('1TB', { 'min-free-disk': '100%', 'fail-on-error': 'true', run: 'exit 7' }));
  const main = await third.main();

  expect(begun.output).toMatch(/docker: image-budget: nothing removed: images take .* of 1.0TB/);
  expect(histories).toHaveLength(1);
  expect(Object.values(JSON.parse(history).uses).filter((at) => at !== 0)).not.toEqual([]);
  expect(afterBudget).toEqual([true, false]);
  expect(main.output).toMatch(/min-free-disk: .* removed, .*: only .* free, .* wanted: /);
  expect(main.exitCode).toBe(1);
  expect((await third.post()).exitCode).toBe(0);
  expect((await stranger.inspect()).State.Running).toBe(true);
});
