import { existsSync } from 'node:fs';
import { appendFile, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, cached, EngineUnavailable, runProgram } from './engine-cache';

const NAME = 'debian-13';

/** Tests let the engine mount what is in it. */
const CHECKOUT = join(import.meta.dirname, '..', '..', '..');

const MIRROR = 'http://deb.debian.org/debian';

const PACKAGES = [
  ...['ca-certificates', 'procps', 'iproute2', 'iptables', 'nftables'],
  ...['docker.io', 'podman', 'catatonit', 'netavark', 'aardvark-dns'],
  ...['uidmap', 'rootlesskit', 'slirp4netns', 'passt', 'fuse-overlayfs'],
];

/** The user of rootless engines. It is made in Debian 13's directory; the machine's own users stay as they are. */
const ROOTLESS_USER = { name: 'rootless', id: 23_750, firstSubordinate: 2_375_000, subordinates: 65_536 };

/**
 * Makes a directory with Debian 13's Docker and Podman: about 700 MB, half a minute where the mirror is near.
 * @throws {EngineUnavailable} where that can't be
 */
export async function prepareDebian13(): Promise<void> {
  if (process.getuid?.() !== 0) throw new EngineUnavailable('it needs root: debootstrap and a mount namespace');
  if (!['/usr/sbin', '/sbin'].some((path) => existsSync(join(path, 'debootstrap')))) {
    throw new EngineUnavailable('it needs debootstrap: apt-get install debootstrap');
  }
  await cached(NAME, async (directory) => {
    await runProgram('debootstrap', [
      ...['--variant=minbase', '--no-check-gpg', `--include=${PACKAGES.join(',')}`],
      ...['trixie', directory, MIRROR],
    ]);
    await addRootlessUser(directory);
    await mkdir(join(directory, 'oldroot'));
  });
}

async function addRootlessUser(root: string): Promise<void> {
  const { name, id, firstSubordinate, subordinates } = ROOTLESS_USER;
  await appendFile(join(root, 'etc/passwd'), `${name}:x:${id}:${id}::/home/${name}:/bin/sh\n`);
  await appendFile(join(root, 'etc/group'), `${name}:x:${id}:\n`);
  for (const file of ['subuid', 'subgid']) {
    await appendFile(join(root, 'etc', file), `${name}:${firstSubordinate}:${subordinates}\n`);
  }
  await mkdir(join(root, 'home', name), { recursive: true });
  await chown(join(root, 'home', name), id, id);
}

/**
 * runc wants a root that is a mount of its own: not chroot but pivot_root. `/tmp` and the checkout are the machine's, so that
 * paths of tests mean the same on both sides; not what is mounted under `/tmp`, which other engines must be able to take away.
 * An engine that is started again is back in the same namespace, as on a machine: Podman's containers, which outlive their service, have
 * their mounts and runc's state there. A process keeps it until the engine's guard ends all that names the engine's directory.
 */
const ENTER = `
set -e
root=$1
checkout=$2
kept=$3
shift 3
if [ -e "$kept" ]; then exec nsenter --mount="/proc/$(cat "$kept")/ns/mnt" "$@"; fi
mount --make-rprivate /
mount --bind "$root" "$root"
for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; done
mount --bind /tmp "$root/tmp"
mkdir -p "$root$checkout"
mount --bind "$checkout" "$root$checkout"
mount -t tmpfs tmpfs "$root/run"
if [ -e /dev/net/tun ]; then # For all users, where only root may on the machine: rootless networks are made with it.
  mknod -m 666 "$root/run/tun" c 10 200
  mount --bind "$root/run/tun" "$root/dev/net/tun"
fi
cd "$root"
pivot_root . oldroot
cd /
umount --lazy /oldroot
touch "$kept"
tail --follow "$kept" > /dev/null 2>&1 &
echo $! > "$kept"
exec "$@"
`;

/**
 * A command line that runs an engine's in a mount namespace whose root is Debian 13. No process comes between.
 * @param directory the engine's own
 */
export function commandInDebian13(directory: string, command: readonly string[]): readonly string[] {
  const kept = join(directory, 'namespace.pid');
  return ['unshare', '--mount', 'bash', '-c', ENTER, 'bash', join(cacheDirectory(), NAME), CHECKOUT, kept, ...command];
}

/** A command line that runs an engine's there as a user, whose own its directory becomes. */
export async function rootlessInDebian13(directory: string, command: readonly string[]): Promise<readonly string[]> {
  const { id, name } = ROOTLESS_USER;
  await runProgram('chown', ['--recursive', `${id}:${id}`, directory]);
  const identity = ['--reuid', String(id), '--regid', String(id), '--clear-groups'];
  return commandInDebian13(directory, ['setpriv', ...identity, 'env', `HOME=/home/${name}`, `USER=${name}`, ...command]);
}
