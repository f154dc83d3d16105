/**
 * Measures `image-budget` over so many images, half of what they take too much: how long it takes, how much came back, and that
 * nothing went that a container uses, that is to be kept, or that was used later than what stays: `npm run bench:images`.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseConfig } from '../src/config/config';
import { systemClock as clock } from '../src/lib/clock';
import { withDeadline } from '../src/lib/deadline';
import { makeRoom } from '../src/phases/disk/room';
import { docker } from '../src/providers/docker/discover';
import { ImageUses } from '../src/session/image-uses';
import { PrivateEngine } from '../test/support/engine/engine';
import { busyboxImage } from '../test/support/engine/image';
import { livenessOf } from '../test/support/session/liveness';

const execute = promisify(execFile);
const number = Number(process.argv[2] ?? 200);
const SESSION = 'gh-1-1.aaaaaaaa.bbbbbbbb';

/** An image of 100 kB that no other one has, over one that all share. */
async function commit(engine: PrivateEngine, base: string, tag: string): Promise<void> {
  const container = await engine.docker.createContainer({ Image: base, Cmd: ['true'] });
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-bench-'));
  await writeFile(join(directory, 'blob'), randomBytes(100_000));
  await execute('tar', ['--create', '--file', join(directory, 'blob.tar'), '--directory', directory, 'blob']);
  await container.putArchive(join(directory, 'blob.tar'), { path: '/' });
  await rm(directory, { recursive: true });
  await container.commit({ repo: 'bench', tag });
  await container.remove();
}

async function measure(engine: PrivateEngine, state: string): Promise<void> {
  const base = await busyboxImage(engine.docker, 'bench-base:1');
  for (let index = 0; index < number; index += 1) await commit(engine, base, `${index}`);
  const used = Array.from({ length: number / 10 }, (_, index) => `bench:${index * 10}`);
  const containers = await Promise.all(used.map((Image) => engine.docker.createContainer({ Image, Cmd: ['true'] })));
  const kept = Array.from({ length: 5 }, (_, index) => `bench:${index * 10 + 1}`);
  const make = async (imageBudget: string) => {
    const config = parseConfig({ dockerHost: engine.url, imageBudget, keepImages: kept.join('\n') }, {});
    const startedAt = performance.now();
    const reports = await withDeadline(config.deadline, { clock }, async (deadline) => {
      const connections = await Promise.all(docker.discover({ config, env: {}, clock, deadline, endpoints: {} }));
      return makeRoom({
        ...{ connections, config, sessionId: SESSION, liveness: livenessOf(SESSION), leases: () => [] },
        ...{ uses: new ImageUses(state, clock), deadline, clock, log: () => undefined },
      });
    });
    const [report] = reports;
    if (report === undefined) throw new Error('there is no report');
    return { report, seconds: (performance.now() - startedAt) / 1000 };
  };
  const idle = await make('1TB');
  const total = idle.report.before ?? 0;
  const { report, seconds } = await make(`${Math.floor(total - (number / 2) * 100_000)}`);
  const left = new Set((await engine.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []));
  const wrong = [base, ...used, ...kept].filter((tag) => !left.has(tag));
  const gone = report.images.filter(({ outcome }) => outcome === 'removed');
  console.log(
    `${number} images: ${idle.seconds.toFixed(1)} s to look; ${gone.length} removed in ${seconds.toFixed(1)} s, ` +
      `${(((report.before ?? 0) - (report.after ?? 0)) / 1e6).toFixed(1)} MB freed; ` +
      `${report.reached ? 'the budget holds' : `not reached: ${report.reason}`}; ` +
      `${wrong.length} of ${used.length} used, ${kept.length} kept and 1 parent gone`,
  );
  for (const container of containers) await container.remove();
  if (wrong.length > 0 || report.reached !== true) process.exitCode = 1;
}

const state = await mkdtemp(join(tmpdir(), 'cleanup-bench-'));
const engine = await PrivateEngine.start();
try {
  const { Version } = await engine.docker.version();
  console.log(`Docker ${Version}`);
  await measure(engine, state);
} finally {
  await engine.stop();
  await rm(state, { recursive: true });
}
