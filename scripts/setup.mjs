/**
 * What `npm run demo` and `npm test` need, on a machine that has Node 20 or newer and npm: the packages of package-lock.json, and
 * with `engine` a Docker engine to talk to or the means to start one, with `clients` others' clients of
 * it, with `podman` the means to start Podman's service, with `builders` what makes the engines that are tested by name,
 * with `kubernetes` what a cluster's node runs pods with, with `promtool` Prometheus' checker of metrics,
 * with `chromium` a browser to look at summaries with. Plain JavaScript: it runs before
 * anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');

/** Debian's and Ubuntu's packages for an engine of the tests' own; busybox is what its one image is made of, openssl makes certificates, curl and jq are in the
 * commands that the action tells people to type. */
const ENGINE_PACKAGES = ['docker.io', 'iptables', 'busybox-static', 'openssl', 'curl', 'jq'];

/** Clients that are not ours, which the tests lead through the proxy: Compose, and docker-py. */
const CLIENT_PACKAGES = ['docker-compose', 'python3-docker'];

/** Podman takes docker.io's runtime, runc; catatonit is its `--init`. */
const PODMAN_PACKAGES = ['podman', 'runc', 'catatonit', 'busybox-static'];

/** What docker.io brings, or has need of, and what makes certificates and an image. */
const KUBERNETES_PACKAGES = ['containerd', 'runc', 'iproute2', 'busybox-static', 'openssl'];

/** The emoji of a summary need a font; Chromium comes without any. */
const CHROMIUM_PACKAGES = ['chromium', 'fonts-noto-color-emoji', 'fonts-dejavu-core'];

/** Where promtool is put when the machine has none: test/support/report/promtool.ts looks here. */
const promtoolDirectory = join(root, 'node_modules', '.promtool');

/** Debian 13's engines, and Docker 29 with Go. */
const BUILDER_PACKAGES = ['debootstrap', 'gcc', 'libc6-dev', 'libseccomp-dev', 'pkg-config'];
const CHECKER_PACKAGES = ['shellcheck', 'systemd', 'zsh', 'fish'];

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], cwd: root, ...options });
  if (error || status !== 0) fail(`\`${command} ${args.join(' ')}\` failed${error ? `: ${error.message}` : ''}`);
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.installed-lock');
  try {
    if (readFileSync(stamp, 'utf8') === wanted) return;
  } catch {
    // Nothing is installed yet.
  }
  console.log('setup: installing the packages of package-lock.json');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, wanted);
}

function onPath(name) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.some((directory) => isExecutable(join(directory, name)));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** An engine listens at DOCKER_HOST or at the default socket. */
function engineAnswers() {
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  const where = host.startsWith('unix://')
    ? { socketPath: host.slice('unix://'.length) }
    : { hostname: URL.parse?.(host)?.hostname, port: URL.parse?.(host)?.port };
  return new Promise((resolve) => {
    const ping = request({ ...where, path: '/_ping', timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.end();
  });
}

async function ensureEngine() {
  const engine = (await engineAnswers()) || (process.getuid?.() === 0 && onPath('dockerd') && onPath('iptables'));
  if (engine && ['busybox', 'openssl', 'curl', 'jq'].every(onPath)) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get')) {
    fail(
      [
        'a Docker engine is needed, and none answers.',
        `On Debian or Ubuntu: run this as root, or install ${ENGINE_PACKAGES.join(' ')} and run this as root.`,
        'Elsewhere: start an engine that you may use (docker info must work) and install a static busybox.',
        'Tests that need no engine: npm run test:unit',
      ].join('\n  '),
    );
  }
  install(ENGINE_PACKAGES);
}

function ensureClients() {
  if (onPath('docker-compose') && spawnSync('/usr/bin/python3', ['-c', 'import docker']).status === 0) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get')) {
    fail(`Compose and docker-py are needed: on Debian, run this as root, or install ${CLIENT_PACKAGES.join(' ')}.`);
  }
  install(CLIENT_PACKAGES);
}

function ensurePodman() {
  if (['podman', 'runc', 'catatonit', 'busybox'].every(onPath)) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get')) {
    fail(
      `Podman is needed: on Debian or Ubuntu, run this as root, or install ${PODMAN_PACKAGES.join(' ')} and run this as root.`,
    );
  }
  install(PODMAN_PACKAGES);
}

function ensureKubernetes() {
  if (['containerd', 'ctr', 'runc', 'ip', 'busybox', 'openssl'].every(onPath)) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get')) {
    fail(
      `A cluster of the tests' own is needed, or one that is named: KUBERNETES_TEST_KUBECONFIG=…. On Debian or Ubuntu, run this as root, or install ${KUBERNETES_PACKAGES.join(' ')} and run this as root.`,
    );
  }
  install(KUBERNETES_PACKAGES);
}

/**
 * Takes promtool out of Debian's or Ubuntu's `prometheus` package, which needs no root. Installed, the package would bring a server that
 * starts at once and listens on port 9090. Elsewhere the tests that need promtool say so.
 */
function ensurePromtool() {
  if (onPath('promtool') || isExecutable(join(promtoolDirectory, 'usr', 'bin', 'promtool'))) return;
  if (!['apt-get', 'dpkg-deb', 'tar'].every(onPath)) {
    console.warn('setup: there is no promtool: install Prometheus for the tests of the metrics');
    return;
  }
  console.log('setup: fetching promtool');
  mkdirSync(promtoolDirectory, { recursive: true });
  const quietly = { cwd: promtoolDirectory, stdio: ['ignore', 'ignore', 'inherit'] };
  if (process.getuid?.() === 0) run('apt-get', ['update', '-qq']);
  // As root, apt would fetch as a user that may not write here, and warn that it does not.
  run('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', 'prometheus'], quietly);
  const [archive = ''] = readdirSync(promtoolDirectory).filter((name) => name.endsWith('.deb'));
  run('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar --extract ./usr/bin/promtool', 'sh', archive], quietly);
  rmSync(join(promtoolDirectory, archive));
}

/** What checks the examples (the shell in them, and systemd's units) and the completion of commands. */
function ensureCheckers() {
  if (['shellcheck', 'systemd-analyze', 'zsh', 'fish'].every(onPath)) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get')) {
    fail(
      `shellcheck, systemd-analyze, zsh and fish are needed: on Debian or Ubuntu, run this as root, or install ${CHECKER_PACKAGES.join(' ')}.`,
    );
  }
  install(CHECKER_PACKAGES);
}

function ensureChromium() {
  if (onPath('chromium')) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get')) {
    fail(
      `Chromium is needed: on Debian, run this as root, or install ${CHROMIUM_PACKAGES.join(' ')}; or say where one is in CHROMIUM.`,
    );
  }
  install(CHROMIUM_PACKAGES);
}

/** What engines by name are made with. Each says what it lacks where this can't install it. */
function ensureEngineBuilders() {
  if (['debootstrap', 'gcc'].every(onPath) || process.platform !== 'linux' || process.getuid?.() !== 0 || !onPath('apt-get'))
    return;
  install(BUILDER_PACKAGES);
}

function install(packages) {
  console.log(`setup: installing ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  // Another may be installing: an upgrade of the machine's own, or this script once more.
  const patience = ['-o', 'DPkg::Lock::Timeout=300'];
  run('apt-get', ['install', ...patience, '-qq', '--yes', '--no-install-recommends', ...packages], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

installPackages();
if (process.argv.includes('engine')) await ensureEngine();
if (process.argv.includes('clients')) ensureClients();
if (process.argv.includes('podman')) ensurePodman();
if (process.argv.includes('builders')) ensureEngineBuilders();
if (process.argv.includes('kubernetes') && !process.env.KUBERNETES_TEST_KUBECONFIG) ensureKubernetes();
if (process.argv.includes('checkers')) ensureCheckers();
if (process.argv.includes('promtool')) ensurePromtool();
if (process.argv.includes('chromium') && !process.env.CHROMIUM) ensureChromium();
