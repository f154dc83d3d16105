import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { GiveBack } from '../../core/give-back';
import { asError } from '../../lib/errors';
import { chownArguments } from '../../lib/foreign-files';
import { object, text, texts } from '../../lib/json-shape';
import { type Engine, isOnThisMachine, socketOf } from './connection/connect';
import { dockerCommand } from './connection/endpoint';
import { ask } from './connection/http';
import { listing } from './connection/shapes';
import { isGone } from './errors';

/** Images to try: not each has `find`. */
const MAX_IMAGES = 10;

/** Milliseconds to remove the container. */
const REMOVE_TIMEOUT_MS = 10_000;

/**
 * Gives directories to a user in a short container that has nothing but them, of an image that is there.
 * A link that leads out of them leads nowhere.
 * @throws when no image can do it, or the engine may not, or has other directories
 */
export async function giveBack(engine: Engine, request: GiveBack, signal: AbortSignal): Promise<void> {
  const { docker } = engine;
  const owner = await ownerIn(engine, request, signal);
  for (const image of await imagesAt(docker, request.images, signal)) {
    if (await runsIn(engine, image, { ...request, ...owner }, signal)) return;
  }
  throw new Error('no image on the engine could do it: it needs find and chown');
}

/** In the containers of a rootless engine, root is the user who runs it. */
async function ownerIn(
  { docker, endpoint }: Engine,
  { uid, gid }: GiveBack,
  signal: AbortSignal,
): Promise<Pick<GiveBack, 'uid' | 'gid'>> {
  const info = await ask(docker, '/info', signal, object);
  // A directory of the same name there is another one.
  if (!(await isOnThisMachine(endpoint, info))) throw new Error('the engine’s directories are not on this machine');
  const { SecurityOptions } = info;
  if (!texts(SecurityOptions).some((option) => option.includes('name=rootless'))) return { uid, gid };
  const socket = await stat((await socketOf(endpoint)) ?? '');
  if (socket.uid !== uid) throw new Error('the engine is rootless, and another user’s');
  return { uid: 0, gid: 0 };
}

/** Ids: those to try first, then the smallest. */
async function imagesAt(docker: Docker, first: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const listed = await ask(docker, '/images/json', signal, listing);
  const size = ({ Size }: (typeof listed)[number]) => (typeof Size === 'number' ? Size : Number.POSITIVE_INFINITY);
  const ids = listed.toSorted((a, b) => size(a) - size(b)).flatMap(({ Id }) => text(Id) ?? []);
  const known = first.filter((id) => ids.includes(id));
  return [...new Set([...known, ...ids])].slice(0, MAX_IMAGES);
}

/** @returns false if the image can't do it */
async function runsIn(engine: Engine, image: string, request: GiveBack, signal: AbortSignal): Promise<boolean> {
  const { directories, mounts, labels } = request;
  const inside = directories.map((_, index) => `/cleanup-action/${index}`);
  const hidden = mounts.flatMap((path) =>
    directories.flatMap((directory, index) =>
      path.startsWith(`${directory}/`) ? `${inside[index]}${path.slice(directory.length)}` : [],
    ),
  );
  const name = `cleanup-action-give-back-${randomUUID()}`;
  const command = dockerCommand(engine.endpoint, 'rm', '--force', '--volumes', name);
  request.helpers.set(name, { problem: 'the engine has not confirmed that it is gone', command });
  try {
    const container = await engine.docker.createContainer({
      name,
      Image: image,
      Entrypoint: ['find'],
      Cmd: [...chownArguments(inside, hidden, request, '-exec')],
      User: '0:0',
      Labels: { ...labels },
      HostConfig: {
        Mounts: directories.map((Source, index) => ({
          Type: 'bind',
          Source,
          Target: inside[index] ?? '',
          BindOptions: { Propagation: 'rprivate', NonRecursive: true } as Docker.MountSettings['BindOptions'],
        })),
        NetworkMode: 'none',
        ReadonlyRootfs: true,
        UsernsMode: 'host',
        CapDrop: ['ALL'],
        CapAdd: ['CHOWN', 'DAC_OVERRIDE'],
        SecurityOpt: ['no-new-privileges', 'label=disable'],
      },
      abortSignal: signal,
    });
    return await succeeds(container, signal);
  } finally {
    // By its name: a request to make it that was given up may have made it.
    const problem = await whyStays(engine.docker.getContainer(name));
    if (problem === undefined) request.helpers.delete(name);
    else request.helpers.set(name, { problem, command });
  }
}

/** @returns false if there is no find in its image, say */
async function succeeds(container: Docker.Container, signal: AbortSignal): Promise<boolean> {
  try {
    await container.start({ abortSignal: signal });
    const { StatusCode } = await container.wait({ abortSignal: signal });
    return StatusCode === 0;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** Removes a container. Never throws. @returns why it could not */
async function whyStays(container: Docker.Container): Promise<string | undefined> {
  try {
    await container.remove({ force: true, v: true, abortSignal: AbortSignal.timeout(REMOVE_TIMEOUT_MS) });
    return undefined;
  } catch (error) {
    return isGone(error) ? undefined : asError(error).message;
  }
}
