import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { labels } from '../../src/core/labels';
import { docker } from '../support/engine/containers';
import { FlakyProxy } from '../support/engine/flaky-proxy';
import { dockerHost } from '../support/engine/own-engine';
import { newSession, sweepSession } from '../support/engine/sweeping';

const image = inject('image');
const execute = promisify(execFile);

/** Podman's pods can't be made through Docker's API. */
describe.runIf(inject('product') === 'podman')('the container that holds a pod together', () => {
  const podman = async (...args: readonly string[]) => {
    const { stdout } = await execute('podman', ['--remote', '--url', dockerHost, ...args]);
    return stdout.trim();
  };

  /** A pod with one container in it, which has these labels. */
  async function pod(name: string, podLabels: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>) {
    const options = (all: Readonly<Record<string, string>>) =>
      Object.entries(all).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
    const infra = ['--infra-image', image, '--infra-command', '/bin/sleep 3600'];
    await podman('pod', 'create', ...infra, '--network', 'none', '--name', name, ...options(podLabels));
    onTestFinished(async () => void (await podman('pod', 'rm', '--force', '--time', '0', '--ignore', name)));
    return podman('run', '--detach', '--pod', name, ...options(own), image, 'sleep', '3600');
  }

  const isThere = (name: string) =>
    podman('pod', 'exists', name).then(
      () => true,
      () => false,
    );

  test('goes with its pod, after all others of the session; another’s pod stays', async () => {
    const { session, labelled } = newSession();
    const [name, bystander] = [`pod-${session}`, `other-${session}`];
    await pod(name, labelled.labels, labelled.labels);
    const other = await pod(bystander, {}, { [labels.session]: newSession().session });

    const result = await sweepSession(session);

    expect(result.settlements.map(({ outcome, error }) => [outcome, error?.message])).toHaveLength(2);
    expect(result.settlements.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect([result.verified, await isThere(name), await isThere(bystander)]).toEqual([true, false, true]);
    expect((await docker.getContainer(other).inspect()).State.Running).toBe(true);
  });

  test('is not what is only called so: that one goes alone, though a pod of another has the name in it', async () => {
    const { session } = newSession();
    const digits = randomBytes(6).toString('hex');
    await podman('pod', 'create', '--infra=false', '--name', digits);
    onTestFinished(async () => void (await podman('pod', 'rm', '--force', '--ignore', digits)));
    for (const name of [digits, randomBytes(6).toString('hex')]) {
      const label = `${labels.session}=${session}`;
      await podman('run', '--detach', '--name', `${name}-infra`, '--label', label, image, 'sleep', '3600');
    }

    const result = await sweepSession(session);

    expect(result.settlements.map(({ outcome }) => outcome)).toEqual(['killed', 'killed']);
    expect([result.verified, await isThere(digits)]).toEqual([true, true]);
  });

  test('is not taken for one without a pod because of a proxy’s 404', async () => {
    const { session, labelled } = newSession();
    const name = `pod-${session}`;
    const other = await pod(name, labelled.labels, { [labels.session]: newSession().session });
    const proxy = await FlakyProxy.start(dockerHost.slice('unix://'.length));
    onTestFinished(() => proxy.stop());
    proxy.spoil({ kind: 'answer', status: 404, body: '404 page not found' }, /\/libpod\/pods\//);

    const { settlements, verified } = await sweepSession(session, { url: proxy.url, deadlineMs: 5_000 });

    expect([settlements.map(({ outcome }) => outcome), verified]).toEqual([['failed'], false]);
    expect(proxy.calls.filter((call) => call.startsWith('DELETE /containers/'))).toEqual([]);
    const states = (await docker.listContainers({ all: true })).map(({ Id, State }) => [Id, State]);
    expect(states).toEqual(expect.arrayContaining([other, settlements[0]?.resource.id].map((id) => [id, 'running'])));
  });

  test('stays, running, as long as another’s container is in the pod; the report names that one', async () => {
    const { session, labelled } = newSession();
    const name = `pod-${session}`;
    const other = await pod(name, labelled.labels, { [labels.session]: newSession().session });

    const { settlements, verified } = await sweepSession(session);

    expect(settlements).toMatchObject([{ outcome: 'failed', heldBy: [{ kind: 'container' }] }]);
    expect(settlements[0]?.command).toMatch(/^podman --url unix:\/\/.* pod rm --force [0-9a-f]{12}$/);
    expect(verified).toBe(false);
    const running = (await docker.listContainers({ all: true })).filter(({ State }) => State === 'running').map(({ Id }) => Id);
    expect(running).toEqual(expect.arrayContaining([other, settlements[0]?.resource.id]));
  });
});
