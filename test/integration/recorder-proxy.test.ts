import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type Docker from 'dockerode';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { listenForStarts, startsSocket } from '../../src/proxy/starts';
import { stateOf } from '../support/engine/containers';
import { dockerHost } from '../support/engine/own-engine';
import { logOf, TestRecording } from '../support/engine/recording';
import { ProxiedEngine } from '../support/proxy/proxied-engine';
import { ownershipOf } from '../support/proxy/proxy-process';
import { until } from '../support/until';

const image = inject('image');
const isPodman = inject('product') === 'podman';

/** A recorder, and a proxy that holds each start for it. */
async function start(): Promise<{ recording: TestRecording; proxied: ProxiedEngine; socket: string }> {
  const recording = await TestRecording.start({ logs: 'all' });
  const proxied = await ProxiedEngine.start(dockerHost, { ownership: ownershipOf(recording.session) });
  return { recording, proxied, socket: startsSocket(proxied.url.slice('unix://'.length)) };
}

/** Keeps both processors busy. */
function busyLoops(count: number): void {
  const loops = Array.from({ length: count }, () => spawn('sh', ['-c', 'while kill -0 "$PPID" 2>/dev/null; do :; done']));
  onTestFinished(() => {
    for (const loop of loops) loop.kill('SIGKILL');
  });
}

describe('a recorder that the proxy tells of each start', () => {
  // Podman is attached to when a container runs: before, that could change it.
  test.skipIf(isPodman)('has the whole log of containers that write fast, remove themselves and live for a moment', async () => {
    const { recording, proxied, socket } = await start();
    const [inTime, late] = [new Set<string>(), new Set<string>()];
    const prepare = async (container: string) => {
      const since = performance.now();
      await recording.recorder.prepare(container);
      // A start waits for a second at most. What happens after that is another test's.
      (performance.now() - since > 500 ? late : inTime).add(container);
    };
    onTestFinished(await listenForStarts(socket, prepare));
    busyLoops(4);
    const count = 50;
    const lines = 2_000;
    const Cmd = ['sh', '-c', `i=0; while [ $i -lt ${lines} ]; do echo $i; i=$((i+1)); done; exit 3`];

    const run = async () => {
      const container = await proxied.docker.createContainer({
        Image: image,
        Cmd,
        HostConfig: { AutoRemove: true, NetworkMode: 'none' },
      });
      await container.start();
      return container;
    };
    const containers: Docker.Container[] = [];
    // The slower the machine, the more are late.
    while (containers.length < count || inTime.size <= count / 2) {
      containers.push(...(await Promise.all(Array.from({ length: 5 }, run))));
    }
    // dockerd 20.10 now and then fails to remove one of many, which stays `dead`.
    const isGone = async (container: Docker.Container) => ['gone', 'dead'].includes(await stateOf(container));
    for (const container of containers) await until('it is gone', () => isGone(container));
    const deaths = await recording.finish();

    const all = Array.from({ length: lines }, (_, line) => `${line}\n`).join('');
    expect(deaths.map(({ exitCode }) => exitCode)).toEqual(containers.map(() => 3));
    const whole = deaths.filter(({ container: { id } }) => !late.has(id));
    expect(whole.length).toBeGreaterThan(count / 2);
    for (const death of whole) expect(await logOf(death)).toBe(all);
  });
});

describe('a container starts all the same', () => {
  const echo = async (proxied: ProxiedEngine) => {
    const startedAt = performance.now();
    expect(await proxied.cli('run', '--rm', '--network', 'none', image, 'echo', 'hello')).toBe('hello\n');
    return performance.now() - startedAt;
  };

  test('where no recorder is', async () => {
    const { proxied } = await start();
    await echo(proxied);
  });

  test('where the recorder was killed, and left its socket', async () => {
    const { proxied, socket } = await start();
    const program = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    const killed = spawn(process.execPath, ['-e', program]);
    await new Promise((resolve) => killed.once('exit', resolve));
    await echo(proxied);
  });

  test('where the recorder does not answer, after a second', async () => {
    const { proxied, socket } = await start();
    const silent = createServer(() => undefined);
    onTestFinished(() => void silent.close());
    await new Promise<void>((resolve) => silent.listen(socket, resolve));
    expect(await echo(proxied)).toBeGreaterThan(900);
  });

  test('where the recorder answers', async () => {
    const { recording, proxied, socket } = await start();
    onTestFinished(await listenForStarts(socket, (container) => recording.recorder.prepare(container)));
    await echo(proxied);
    expect(await recording.finish()).toHaveLength(1);
  });
});
