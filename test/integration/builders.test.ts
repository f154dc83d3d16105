import { describe, expect, inject, test } from 'vitest';
import { labels } from '../../src/core/labels';
import type { Lease } from '../../src/session/leases';
import { type DockerUser, dockerUser, hasBuildx, STAND_IN, WITHOUT_BUILDX } from '../support/engine/buildx';
import { createContainer, docker, exists, removeContainer } from '../support/engine/containers';
import { FlakyProxy } from '../support/engine/flaky-proxy';
import { dockerHost } from '../support/engine/own-engine';
import { removedLater, unique } from '../support/made';
import { begun, hex, names } from '../support/session/begun';
import { ofSession } from '../support/session/of-session';

const made = removedLater();

const BUILDERS = { resources: 'containers networks volumes builders' };

async function user(standIn: typeof STAND_IN | undefined = STAND_IN): Promise<DockerUser> {
  const found = await dockerUser(dockerHost, standIn);
  made.push(() => found.remove());
  return found;
}

/** The container and the volume of a node, as the driver makes them. */
async function makeNode(node: string, label: Readonly<Record<string, string>> = {}): Promise<void> {
  const [name, volume] = [`buildx_buildkit_${node}`, `buildx_buildkit_${node}_state`];
  await docker.createVolume({ Name: volume, Labels: label });
  made.push(() => docker.getVolume(volume).remove());
  const Mounts = [{ Type: 'volume' as const, Source: volume, Target: '/var/lib/buildkit' }];
  const container = await createContainer(['sleep', '1000'], { name, labels: label, hostConfig: { Mounts } });
  made.push(() => removeContainer(container));
  await container.start();
}

/** A builder with one node. */
async function makeBuilder(by: DockerUser, label: Readonly<Record<string, string>> = {}, endpoint = dockerHost): Promise<string> {
  const name = unique('builder');
  await by.write(name, endpoint);
  await makeNode(`${name}0`, label);
  return name;
}

/** Whether a builder's container, volume and file are there. */
async function remainsOf(by: DockerUser, name: string) {
  return {
    container: await exists(docker.getContainer(`buildx_buildkit_${name}0`).inspect()),
    volume: await exists(docker.getVolume(`buildx_buildkit_${name}0_state`).inspect()),
    file: (await by.instances()).includes(name),
  };
}

const ALL = { container: true, volume: true, file: true };
const NOTHING = { container: false, volume: false, file: false };

const leaseOf = (session: string, engine: string | undefined): Lease => ({
  session,
  since: Date.now() - 1_000,
  engines: [engine ?? ''],
  filters: { labels: [], namePrefixes: [] },
});

test('of the session go with container, volume and file; builders of others and of before stay', async () => {
  const me = await user();
  const before = await makeBuilder(me);
  const older = unique('older'); // It makes its container when it is used again.
  await me.write(older, dockerHost);
  const session = await begun(BUILDERS, me.buildx);
  const [own, labelled] = [await makeBuilder(me), await makeBuilder(me, ofSession(session.id))];
  const kept = await makeBuilder(me, { ...ofSession(session.id), [labels.keep]: 'true' });
  const elsewhere = await makeBuilder(me, {}, 'tcp://build.example:2376');
  const unused = unique('unused');
  await me.write(unused, dockerHost);
  await makeNode(`${older}0`, ofSession(session.id));
  const half = unique('half'); // Its second node is nobody's container here.
  await me.write(half, dockerHost, [`${half}0`, `${half}1`]);
  await makeNode(`${half}0`);

  const post = await session.post();

  expect(await remainsOf(me, own)).toEqual(NOTHING);
  expect(await remainsOf(me, labelled)).toEqual(NOTHING);
  expect(await remainsOf(me, older)).toEqual({ ...NOTHING, file: true });
  for (const name of [before, kept, elsewhere, half]) expect(await remainsOf(me, name)).toEqual(ALL);
  expect(await me.instances()).toContain(unused);
  expect(post).toMatchObject({ verified: true, totals: { failed: 0 } });
  const settled = post.resources.filter(({ kind }) => kind === 'builder');
  expect(settled.map(({ name, outcome }) => [name, outcome]).sort()).toEqual(
    [
      [own, 'removed'],
      [labelled, 'removed'],
    ].sort(),
  );
});

test('stay where a container of before is used by a new builder’s file', async () => {
  const me = await user();
  const name = unique('adopted');
  await makeNode(`${name}0`);
  const session = await begun(BUILDERS, me.buildx);
  await me.write(name, dockerHost);

  expect(await session.post()).toMatchObject({ verified: true, resources: [] });
  expect(await remainsOf(me, name)).toEqual(ALL);
});

test('are no one’s business where `builders` is not asked for', async () => {
  const me = await user();
  const session = await begun({}, me.buildx);
  const name = await makeBuilder(me);

  expect(await session.post()).toMatchObject({ verified: true, resources: [] });
  expect(await remainsOf(me, name)).toEqual(ALL);
});

test('without a label stay while another session is at work; with the session’s they go', async () => {
  const me = await user();
  const session = await begun(BUILDERS, me.buildx);
  const [unlabelled, own] = [await makeBuilder(me), await makeBuilder(me, ofSession(session.id))];
  const others = await makeBuilder(me, ofSession('gh-2-1.0badcafe.aaaaaaaa'));

  const post = await session.post([leaseOf(`gh-2-1.${hex()}.${hex()}`, session.engine)]);

  for (const name of [unlabelled, others]) expect(await remainsOf(me, name)).toEqual(ALL);
  expect(await remainsOf(me, own)).toEqual(NOTHING);
  expect(names(post, 'live-session')).toContain(unlabelled);
});

test('are left to their session by pre-cleanup, which takes only what is labelled', async () => {
  const me = await user();
  const name = await makeBuilder(me, ofSession('gh-1-1.0badcafe.aaaaaaaa'));
  const session = await begun({ ...BUILDERS, preCleanup: 'all' }, me.buildx);

  await session.pre();

  expect(await remainsOf(me, name)).toEqual({ ...NOTHING, file: true });
});

test('lead to the proxy’s socket, which is gone by then', async () => {
  const me = await user();
  const session = await begun(BUILDERS, me.buildx);
  const name = await makeBuilder(me, ofSession(session.id), 'unix:///nowhere/docker.sock');

  expect(await session.post()).toMatchObject({ verified: true, totals: { failed: 0 } });
  expect(await remainsOf(me, name)).toEqual(NOTHING);
});

describe('where buildx', () => {
  const OLD = { ...STAND_IN, ls: 'echo "unknown flag: --format" >&2; exit 125' };
  const ABSENT = 'echo "docker: unknown command: docker buildx" >&2; exit 1';

  test('is too old for JSON, its files are read', async () => {
    const me = await user(OLD);
    const session = await begun(BUILDERS, me.buildx);
    const name = await makeBuilder(me);

    expect(await session.post()).toMatchObject({ verified: true, totals: { removed: 1, failed: 0 } });
    expect(await remainsOf(me, name)).toEqual(NOTHING);
  });

  test('is not there, containers and volumes go as such, and one line says that the file stays', async () => {
    const me = await user({ version: ABSENT, ls: ABSENT, rm: ABSENT });
    const session = await begun(BUILDERS, me.buildx);
    const [own, unlabelled] = [await makeBuilder(me, ofSession(session.id)), await makeBuilder(me)];

    const post = await session.post();

    expect(await remainsOf(me, own)).toEqual({ ...NOTHING, file: true });
    expect(await remainsOf(me, unlabelled)).toEqual(ALL);
    expect(post).toMatchObject({ verified: true, totals: { failed: 0, kept: 2 } });
    expect(post.resources.find(({ name }) => name === own)?.reason).toContain(`its file ${me.env['DOCKER_CONFIG']}/buildx/`);
  });

  test('fails, the builder has failed, with the command to remove it', async () => {
    const me = await user({ ...STAND_IN, rm: 'echo "ERROR: the file is locked" >&2; exit 1' });
    const session = await begun({ ...BUILDERS, retries: '0', removeTimeout: '2s' }, me.buildx);
    const name = await makeBuilder(me);

    const post = await session.post();

    expect(post).toMatchObject({ verified: false, totals: { failed: 1 } });
    const [failed] = post.resources.filter(({ outcome }) => outcome === 'failed');
    expect(failed).toMatchObject({ kind: 'builder', name, error: 'ERROR: the file is locked' });
    expect(failed?.command).toMatch(new RegExp(`^docker .*buildx rm ${name}$`));
    expect(await remainsOf(me, name)).toEqual({ ...NOTHING, file: true });
  });
});

test('a proxy’s 404 is not the news that a builder’s container is gone', async () => {
  const proxy = await FlakyProxy.start(dockerHost.slice('unix://'.length));
  made.push(() => proxy.stop());
  const me = await user();
  const session = await begun({ ...BUILDERS, retries: '0', removeTimeout: '2s' }, me.buildx, proxy.url);
  const name = await makeBuilder(me, {}, proxy.url);
  proxy.spoil({ kind: 'answer', status: 404, body: '<html>404 Not Found</html>' }, /^DELETE \/(containers|volumes)\//);

  const post = await session.post();

  expect(post.verified).toBe(false);
  expect(post.resources.filter(({ kind }) => kind === 'builder')).toMatchObject([{ name, outcome: 'failed' }]);
  expect(await remainsOf(me, name)).toEqual(ALL);
});

describe.skipIf(!hasBuildx || inject('product') === 'podman')('with buildx itself', () => {
  const IMAGE = { repo: 'moby/buildkit', tag: 'buildx-stable-1' };

  /** It can't pull, so it takes the image that is here; what runs in it is no BuildKit, so starting it fails. */
  async function create(me: DockerUser): Promise<string> {
    await docker.getImage(inject('image')).tag(IMAGE);
    made.push(() => docker.getImage(`${IMAGE.repo}:${IMAGE.tag}`).remove());
    const name = unique('real');
    made.push(() => me.docker('buildx', 'rm', name));
    await me.docker('buildx', 'create', '--name', name, '--driver', 'docker-container', '--bootstrap').catch(() => undefined);
    return name;
  }

  test('what it created goes, and what it created before stays', async () => {
    const real = await dockerUser(dockerHost);
    made.push(() => real.remove());
    const before = await create(real);
    const session = await begun(BUILDERS, real.buildx);
    const name = await create(real);
    expect(await remainsOf(real, name)).toEqual(ALL);

    const post = await session.post();

    expect(await remainsOf(real, name)).toEqual(NOTHING);
    expect(await remainsOf(real, before)).toEqual(ALL);
    expect(post).toMatchObject({ verified: true, totals: { failed: 0, removed: 1 } });
  });
});

if (!hasBuildx) console.log(`builders: not all is tested: ${WITHOUT_BUILDX}`);
