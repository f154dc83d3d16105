import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type Docker from 'dockerode';

const execute = promisify(execFile);

/** Commands that the tests' containers run, all of them busybox. */
const APPLETS = ['sh', 'sleep', 'trap', 'echo', 'cat', 'kill', 'true', 'false', 'head', 'yes', 'printf', 'dd', 'touch'];

/** Those with which files are made, and given to a user. */
const FILE_APPLETS = ['mkdir', 'ln', 'mknod', 'chmod', 'chown', 'find'];

/**
 * Makes the one image that the tests need, from the machine's busybox: no registry is asked.
 * @returns its name
 */
export async function busyboxImage(docker: Docker, name: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-image-'));
  try {
    const bin = join(directory, 'root', 'bin');
    await mkdir(bin, { recursive: true });
    await mkdir(join(directory, 'root', 'tmp'));
    await copyFile(await busybox(), join(bin, 'busybox'));
    await Promise.all([...APPLETS, ...FILE_APPLETS].map((applet) => symlink('busybox', join(bin, applet))));
    const archive = join(directory, 'image.tar');
    await execute('tar', ['--create', '--file', archive, '--directory', join(directory, 'root'), '.']);
    const [repo = '', tag = ''] = name.split(':');
    const progress = await docker.importImage(createReadStream(archive) as unknown as string);
    // Its last line names the image. Podman 4.3 takes no tag at the import, so that it is given one afterwards.
    const id = /sha256:[0-9a-f]{64}/.exec(await text(progress))?.[0] ?? '';
    await docker.getImage(id).tag({ repo, tag });
    return name;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export interface LoadedImage {
  /** With a tag. */
  readonly name: string;
  /** When it says that it was built. */
  readonly created?: Date;
  readonly labels?: Readonly<Record<string, string>>;
  /** What its containers run. */
  readonly command?: readonly string[];
}

/** Loads an image as `docker load` does: from an archive that says itself when the image was built, and with which labels. */
export async function loadImage(docker: Docker, image: LoadedImage): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-image-'));
  try {
    const archive = join(directory, 'image.tar');
    await writeImage(archive, image);
    const progress = await docker.loadImage(createReadStream(archive) as unknown as string);
    await text(progress);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Writes an image as `docker save` does, with the machine's busybox in it.
 * https://github.com/moby/docker-image-spec/blob/main/v1.2.md
 */
export async function writeImage(
  archive: string,
  { name, created = new Date(), labels = {}, command = ['sh'] }: LoadedImage,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-image-'));
  try {
    await mkdir(join(directory, 'root', 'bin'), { recursive: true });
    await copyFile(await busybox(), join(directory, 'root', 'bin', 'busybox'));
    await Promise.all(APPLETS.map((applet) => symlink('busybox', join(directory, 'root', 'bin', applet))));
    await writeFile(join(directory, 'root', 'name'), name); // No two images are one.
    await execute('tar', ['--create', '--file', join(directory, 'layer.tar'), '--directory', join(directory, 'root'), '.']);
    const digest = createHash('sha256')
      .update(await readFile(join(directory, 'layer.tar')))
      .digest('hex');
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: created.toISOString(),
      config: { Labels: labels, Env: ['PATH=/bin'], Cmd: command },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
      history: [{ created: created.toISOString() }],
    };
    await writeFile(join(directory, 'config.json'), JSON.stringify(config));
    await writeFile(
      join(directory, 'manifest.json'),
      JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]),
    );
    await execute('tar', ['--create', '--file', archive, '--directory', directory, 'manifest.json', 'config.json', 'layer.tar']);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function busybox(): Promise<string> {
  for (const directory of [...(process.env['PATH'] ?? '').split(delimiter), '/bin', '/usr/bin']) {
    const path = join(directory, 'busybox');
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error('The tests need a static busybox to make their image of: apt-get install busybox-static');
}
