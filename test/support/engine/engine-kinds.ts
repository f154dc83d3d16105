import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandInDebian13, rootlessInDebian13 } from './debian-13';
import { docker29Binaries } from './docker-29';

/** Tests that an engine can't pass, by no fault of ours. */
export interface Limitation {
  /** The test's file, after `test/`. */
  readonly file: string;
  /** Is in the full names of the tests; all tests of the file where it is absent. */
  readonly test?: string;
  readonly why: string;
}

/** One engine that people run, and how the tests get it. */
export interface EngineKind {
  readonly title: string;
  readonly product: 'docker' | 'podman';
  /** For people: where its programs come from. */
  readonly origin: string;
  /** Needs Debian 13's packages, or Docker 29 built from source. */
  readonly needs?: 'debian-13' | 'docker-29';
  readonly cannot: readonly Limitation[];
  /**
   * The command line that starts it, with all it has in `directory` and its API at `docker.sock` there.
   * @param dockerdArguments after those that give dockerd directories of its own; Podman takes none
   */
  command(directory: string, dockerdArguments: readonly string[]): Promise<readonly string[]>;
}

function dockerdIn(directory: string, more: readonly string[]): readonly string[] {
  const own = { 'data-root': 'data', 'exec-root': 'exec', pidfile: 'dockerd.pid' };
  const directories = Object.entries(own).flatMap(([option, name]) => [`--${option}`, join(directory, name)]);
  // The machine's packet filter is one for all engines: one that starts would take the chains from under another's hands.
  const filter = ['--iptables=false', '--ip6tables=false'];
  const host = ['--host', `unix://${join(directory, 'docker.sock')}`, '--shutdown-timeout', '1'];
  return ['dockerd', ...directories, ...filter, ...host, ...more];
}

/**
 * The bridges of an engine outlive it, and there are addresses for 31 on one machine: with network interfaces of its own they go
 * with it. One that listens at an address is reached at the machine's.
 */
function ownNetwork(dockerdArguments: readonly string[]): readonly string[] {
  return dockerdArguments.includes('--host') ? [] : ['unshare', '--net'];
}

/**
 * Podman's settings for a machine without systemd. Its default limits are more than a root without CAP_SYS_RESOURCE may set; and 4.3
 * takes the soft limit for the hard one, so that both are the same here. runc, because crun refuses cgroups that are version 1 and 2.
 */
async function podmanIn(directory: string): Promise<readonly string[]> {
  const settings = join(directory, 'containers.conf');
  const lines = [
    '[containers]',
    'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]',
    '[engine]',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    'runtime = "runc"',
    '[network]',
    `network_config_dir = "${join(directory, 'networks')}"`,
  ];
  await writeFile(settings, `${lines.join('\n')}\n`);
  const own = { root: 'data', runroot: 'exec', tmpdir: 'tmp' };
  const directories = Object.entries(own).flatMap(([option, name]) => [`--${option}`, join(directory, name)]);
  const service = ['system', 'service', '--time', '0', `unix://${join(directory, 'docker.sock')}`];
  return ['env', `CONTAINERS_CONF=${settings}`, 'podman', ...directories, ...service];
}

/** dockerd's settings for containerd's image store, the default of Docker 29. */
async function withContainerdStore(directory: string): Promise<readonly string[]> {
  const file = join(directory, 'daemon.json');
  await writeFile(file, JSON.stringify({ features: { 'containerd-snapshotter': true } }));
  return ['--config-file', file];
}

/** rootlesskit as Docker's dockerd-rootless.sh calls it. */
async function rootlessDockerIn(directory: string, more: readonly string[]): Promise<readonly string[]> {
  await mkdir(join(directory, 'run'));
  const state = ['--state-dir', join(directory, 'rootlesskit')];
  const network = ['--net', 'slirp4netns', '--mtu', '65520', '--disable-host-loopback', '--port-driver', 'builtin'];
  const namespace = ['--copy-up', '/etc', '--copy-up', '/run', '--propagation', 'rslave'];
  const dockerd = [...dockerdIn(directory, ['--rootless', ...more])];
  return ['env', `XDG_RUNTIME_DIR=${join(directory, 'run')}`, 'rootlesskit', ...state, ...network, ...namespace, ...dockerd];
}

async function rootlessPodmanIn(directory: string): Promise<readonly string[]> {
  await mkdir(join(directory, 'run'));
  return ['env', `XDG_RUNTIME_DIR=${join(directory, 'run')}`, ...(await podmanIn(directory))];
}

const DEBIAN_13 = 'Debian 13’s packages, in a directory of their own';

const RECORDER = 'integration/recorder.test.ts';

/** In its directory of its own, Debian 13's does not see what a test mounts. */
const SMALL_DISK: Limitation = { file: 'faults/full-disk.test.ts', why: 'it is not given a file system of its own' };

const PODMAN_CANNOT: readonly Limitation[] = [
  {
    file: 'e2e/ownership-inherited.test.ts',
    test: 'an image that was tagged longer ago than max-age goes',
    why: 'it does not say when an image was tagged: there, no image is known to be old',
  },
  {
    file: 'e2e/ownership-inherited.test.ts',
    test: 'is left alone where its image is not to be had any more',
    why: 'it removes an image only with all containers made from it',
  },
  { file: 'e2e/swarm.test.ts', why: 'it has no swarm' },
  { file: 'integration/endpoints.test.ts', why: 'they start dockerd with TCP and TLS; Podman’s service has no such options' },
  { file: 'integration/proxy-upstreams.test.ts', why: 'they start dockerd with TCP and TLS, and a swarm' },
  { file: 'integration/swarm.test.ts', why: 'it has no swarm' },
  SMALL_DISK,
  {
    file: 'faults/reported.test.ts',
    test: 'a container whose process hangs in',
    why: 'it forgets the container while its process hangs: there is nothing left to report',
  },
  {
    file: RECORDER,
    test: 'and never started, and',
    why: 'the container stays as it was; only the caller of start gets the error',
  },
  {
    file: RECORDER,
    test: 'tells each end of a container that is started again',
    why: 'its events come up to a second late: two ends in that time look like one',
  },
  {
    file: RECORDER,
    test: 'when it has failed has its log, and was not asked to',
    why: 'its log is read when it ends: what was written last is lost where another removes the container before that',
  },
  {
    file: RECORDER,
    test: 'to reload, and fails later, was not asked',
    why: 'its event of a kill does not name the signal',
  },
];

const PODMAN_4_CANNOT: readonly Limitation[] = [
  ...PODMAN_CANNOT,
  {
    file: RECORDER,
    test: 'for want of memory is told to have',
    why: 'it has no event for it, and does not say so afterwards',
  },
];

const STATES = 'integration/states.test.ts';

/** The machine's cgroups are of version 1, which gives a user none; with version 2 and systemd these tests could run. */
const WITHOUT_CGROUPS =
  'without a cgroup, a pid can’t be shown to be one of this machine: a deaf container gets its grace period';

const ROOTLESS_CANNOT: readonly Limitation[] = [
  { file: 'integration/swarm.test.ts', why: 'a swarm of several nodes needs rights on the network' },
  {
    file: 'integration/endpoints.test.ts',
    why: 'they start dockerd with TCP and TLS, in a network that only rootlesskit reaches',
  },
  {
    file: 'integration/proxy-upstreams.test.ts',
    why: 'they start dockerd with TCP and TLS, in a network that only rootlesskit reaches',
  },
  { file: 'integration/workspace.test.ts', why: 'its containers may not write to the tests’ directories, which are root’s' },
  {
    file: 'e2e/disk-back.test.ts',
    test: 'what a container left to root in the workspace is',
    why: 'its containers may not write to the tests’ directories, which are root’s',
  },
  {
    file: 'e2e/ownership.test.ts',
    test: 'the container that the action runs in is kept',
    why: 'the action in it may not write to the tests’ directories, which are root’s: there is no report',
  },
  {
    file: 'integration/containers.test.ts',
    test: 'something else ends before the kill is',
    why: 'cgroups of version 1 give a user none: without one a container can’t be paused',
  },
  {
    file: RECORDER,
    test: 'for want of memory is told to have',
    why: 'cgroups of version 1 give a user none: without one a container’s memory has no limit',
  },
  { file: STATES, test: '`sleep` under `--init`', why: 'without a cgroup the engine does not tell a container’s processes' },
  { file: STATES, test: 'ignores its stop signal, and has childr', why: WITHOUT_CGROUPS },
  { file: STATES, test: 'ignores its stop signal, and has no chi', why: WITHOUT_CGROUPS },
  { file: STATES, test: '`sh` with a command in the foreground', why: WITHOUT_CGROUPS },
  { file: STATES, test: '`sleep` with processes that were left', why: WITHOUT_CGROUPS },
  { file: STATES, test: '`sleep` as PID 1', why: WITHOUT_CGROUPS },
  { file: STATES, test: 'handles SIGTERM, but is configured with', why: WITHOUT_CGROUPS },
  { file: STATES, test: 'paused', why: 'cgroups of version 1 give a user none: without one a container can’t be paused' },
];

/** The engines that the suites run on, by name. */
export const ENGINE_KINDS = {
  'docker-20.10': {
    title: 'Docker 20.10, overlay2',
    product: 'docker',
    origin: 'the machine’s dockerd: Debian 12’s docker.io',
    cannot: [],
    command: async (directory, more) => [...ownNetwork(more), ...dockerdIn(directory, more)],
  },
  'docker-26.1': {
    title: 'Docker 26.1, overlay2',
    product: 'docker',
    origin: DEBIAN_13,
    needs: 'debian-13',
    cannot: [SMALL_DISK],
    command: async (directory, more) => [...ownNetwork(more), ...commandInDebian13(directory, dockerdIn(directory, more))],
  },
  'docker-26.1-containerd': {
    title: 'Docker 26.1, containerd’s image store',
    product: 'docker',
    origin: DEBIAN_13,
    needs: 'debian-13',
    cannot: [
      SMALL_DISK,
      {
        file: 'integration/image-budget.test.ts',
        test: 'has the longest unused images removed,',
        why: 'what it says that all images take leaves out the layers as they were fetched, an image’s size does not: more have to go than it seems',
      },
    ],
    command: async (directory, more) => [
      ...ownNetwork(more),
      ...commandInDebian13(directory, dockerdIn(directory, [...more, ...(await withContainerdStore(directory))])),
    ],
  },
  'docker-29': {
    title: 'Docker 29, containerd’s image store',
    product: 'docker',
    origin: 'dockerd, containerd 2 and runc, built with Go',
    needs: 'docker-29',
    cannot: [],
    command: async (directory, more) => [
      ...ownNetwork(more),
      'env',
      `PATH=${docker29Binaries()}:${process.env['PATH']}:/usr/sbin:/sbin`,
      ...dockerdIn(directory, more),
    ],
  },
  'podman-4.3': {
    title: 'Podman 4.3',
    product: 'podman',
    origin: 'the machine’s podman: Debian 12’s',
    cannot: PODMAN_4_CANNOT,
    command: podmanIn,
  },
  'podman-5.4': {
    title: 'Podman 5.4',
    product: 'podman',
    origin: DEBIAN_13,
    needs: 'debian-13',
    cannot: PODMAN_CANNOT,
    command: async (directory) => commandInDebian13(directory, await podmanIn(directory)),
  },
  'docker-26.1-rootless': {
    title: 'Docker 26.1, rootless',
    product: 'docker',
    origin: DEBIAN_13,
    needs: 'debian-13',
    cannot: [
      ...ROOTLESS_CANNOT,
      SMALL_DISK,
      { file: 'faults/reported.test.ts', test: 'a container whose process hangs in', why: 'a user’s engine may mount no device' },
    ],
    command: async (directory, more) => rootlessInDebian13(directory, await rootlessDockerIn(directory, more)),
  },
  'podman-5.4-rootless': {
    title: 'Podman 5.4, rootless',
    product: 'podman',
    origin: DEBIAN_13,
    needs: 'debian-13',
    cannot: [...PODMAN_CANNOT, ...ROOTLESS_CANNOT],
    command: async (directory) => rootlessInDebian13(directory, await rootlessPodmanIn(directory)),
  },
} as const satisfies Readonly<Record<string, EngineKind>>;

export type EngineName = keyof typeof ENGINE_KINDS;

export const ENGINE_NAMES = Object.keys(ENGINE_KINDS) as readonly EngineName[];

export function isEngineName(name: string): name is EngineName {
  return name in ENGINE_KINDS;
}

/** The variable that `npm run test:engines` names the engine in. */
const VARIABLE = 'CLEANUP_TEST_ENGINE';

/**
 * The engine that the tests were asked to run on; undefined where they take what the machine has.
 * @throws when there is none of that name
 */
export function engineAskedFor(env: Readonly<Record<string, string | undefined>>): EngineName | undefined {
  const name = env[VARIABLE];
  if (name === undefined || isEngineName(name)) return name;
  throw new Error(`${VARIABLE}: there is no engine "${name}": ${ENGINE_NAMES.join(', ')}`);
}

/** The environment in which the tests run on an engine of that kind. */
export function asking(name: EngineName): Readonly<Record<string, string>> {
  return { [VARIABLE]: name };
}

/** The reason why a test is not run on an engine; undefined where it is. */
export function limitationOf(name: EngineName, file: string, test: string): Limitation | undefined {
  const limitations: readonly Limitation[] = ENGINE_KINDS[name].cannot;
  return limitations.find((it) => file.endsWith(`test/${it.file}`) && (it.test === undefined || test.includes(it.test)));
}
