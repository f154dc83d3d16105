/**
 * Kills one of the proxy's two processes again and again, with SIGKILL, and measures how long it
 * takes until a new connection is answered, and until there are two again: `npm run bench:kills`.
 */
import { request } from 'node:http';
import { loadavg } from 'node:os';
import { findOrStartEngine } from '../test/support/engine/engine';
import { ProxyProcess } from '../test/support/proxy/proxy-process';
import { until } from '../test/support/until';

const KILLS = 100;
const GIVE_UP_MS = 30_000;

/** A request on a connection of its own. Rejects when that breaks. */
async function ping(socketPath: string): Promise<void> {
  await new Promise((resolve, reject) => {
    request({ socketPath, path: '/_ping', agent: false }, (response) => response.resume().once('end', resolve))
      .once('error', reject)
      .end();
  });
}

/**
 * @returns how often it was tried
 * @throws when nothing answers any more
 */
async function pingUntilAnswered(socketPath: string): Promise<number> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (let tries = 1; ; tries++) {
    if (performance.now() > giveUpAt) throw new Error('no connection is answered any more');
    const isAnswered = await ping(socketPath).then(
      () => true,
      () => false,
    );
    if (isAnswered) return tries;
  }
}

function tell(what: string, values: readonly number[]): void {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (part: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(1);
  console.log(`${what}: median ${at(0.5)} ms, of 100 the slowest ${at(1)} ms`);
}

const engine = await findOrStartEngine();
const proxy = await ProxyProcess.start(engine.url, {});
const socketPath = proxy.url.replace('unix://', '');
try {
  const [answered, two]: [number[], number[]] = [[], []];
  let broken = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await until('there are two', async () => (await proxy.serving()).length === 2);
    const victim = (await proxy.serving())[kill % 2] ?? 0;
    const startedAt = performance.now();
    process.kill(victim, 'SIGKILL');
    broken += (await pingUntilAnswered(socketPath)) - 1;
    answered.push(performance.now() - startedAt);
    while ((await proxy.serving()).filter((pid) => pid !== victim).length < 2);
    two.push(performance.now() - startedAt);
  }
  console.log(`${KILLS} kills, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}:`);
  tell('until a new connection is answered', answered);
  console.log(`connections that broke on the way: ${broken}`);
  tell('until there are two processes again', two);
} finally {
  await proxy.stop();
  await engine.stop();
}
