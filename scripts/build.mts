/**
 * Builds dist/ from src/, and NOTICE.md from what is in it; with --check, builds beside them and fails when the committed files are not
 * the same to the byte.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import ncc from '@vercel/ncc';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** Beside dist/. */
const NOTICE = 'NOTICE.md';

/**
 * Each is a program of its own: the runner starts main and post, main the proxy, and people the command line. Three are loaded by those only
 * where they are needed: `renewal` by the proxy, `kubernetes` where there is a cluster, `undici` where there is a key or a token.
 */
const entries = ['main', 'post', 'cli', 'proxy', 'renewal', 'kubernetes', 'undici'];

/**
 * Loaded by parts of our libraries that never run here, and half of a bundle and of its time to start: dockerode's BuildKit
 * client (gRPC), its packing of build contexts, docker-modem's own ssh (ours starts the `ssh` program), @actions/core's OIDC client.
 * ncc can't leave a module out without a `require` of its name, so each name leads to a small module of Node's instead.
 */
const neverUsed = [
  '@actions/http-client',
  '@actions/http-client/lib/auth',
  '@balena/dockerignore',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
  'ssh2',
  'tar-fs',
];

/** Kubernetes' client reads kubeconfigs for us; its API for all kinds of objects is 4.4 MiB more. */
const neverUsedByKubernetes = ['./gen/index.js', 'undici'];

/** What docker-modem brings for old versions of Node, and Node has itself. */
const inNode = { 'readable-stream': 'node:stream' };

/** By what imports it, a bundle that all programs find beside them: half of what each would be, and seldom needed. */
const beside = {
  /** src/kubernetes.ts, as the provider imports it. */
  kubernetes: '../../kubernetes',
  undici: 'undici',
};

function externalsOf(entry: string): Readonly<Record<string, string>> {
  const unused = entry === 'kubernetes' ? neverUsedByKubernetes : neverUsed;
  const bundles = Object.entries(beside).filter(([name]) => entry !== 'kubernetes' && entry !== name);
  return Object.fromEntries([
    ...unused.map((name) => [name, 'node:module']),
    ...Object.entries(inNode),
    ...bundles.map(([name, imported]) => [imported, `../${name}/index.js`]),
  ]);
}

async function bundle(entry: string): Promise<ReadonlyMap<string, string>> {
  const { code, assets } = await ncc(join(root, 'src', `${entry}.ts`), {
    cache: false,
    externals: externalsOf(entry),
    license: 'licenses.txt',
    minify: true,
    quiet: true,
    target: 'es2023',
  });
  const chunk = Object.keys(assets).find((name) => name.endsWith('.js'));
  if (chunk !== undefined)
    throw new Error(`${entry}: an import() without webpackMode: "eager" makes ${chunk}, which dist/ has no place for`);
  // Of what ncc copies, only the licences are used: .proto files belong to dockerode's BuildKit client.
  const licences = assets['licenses.txt']?.source.toString() ?? '';
  return new Map([
    [join(entry, 'index.js'), code],
    [join(entry, 'licenses.txt'), licences],
  ]);
}

async function build(): Promise<ReadonlyMap<string, string>> {
  const bundles = await Promise.all(entries.map(bundle));
  return new Map(bundles.flatMap((files) => [...files]));
}

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
}

/** The table of others' packages in dist/; their texts are in the `licenses.txt` beside each bundle. */
async function notice(bundles: ReadonlyMap<string, string>): Promise<string> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const packages: Readonly<Record<string, LockedPackage>> = lock.packages;
  const rows = new Map<string, { readonly row: string; readonly in: string[] }>();
  for (const entry of entries) {
    // ncc writes a package's name on a line of its own, before its licence.
    const lines = bundles.get(join(entry, 'licenses.txt'))?.split('\n') ?? [];
    for (const name of new Set(lines.filter((line) => packages[`node_modules/${line}`]))) {
      const { version = '', license = 'none named' } = packages[`node_modules/${name}`] ?? {};
      const found = rows.get(name) ?? { row: `| \`${name}\` | ${version} | ${license} |`, in: [] };
      found.in.push(`[${entry}](dist/${entry}/licenses.txt)`);
      rows.set(name, found);
    }
  }
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => `${found.row} ${found.in.join(', ')} |`);
  return [
    '# What is bundled',
    '',
    'Made by `npm run build`. The programs in `dist/` contain these packages of others; beside each program stands each one’s licence, as',
    'its package brings it.',
    '',
    '| Package | Version | Licence | In |',
    '| --- | --- | --- | --- |',
    ...sorted,
    '',
  ].join('\n');
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((entry) => entry.isFile()).map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

async function write(files: ReadonlyMap<string, string>): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  for (const [path, content] of files) {
    await mkdir(dirname(join(dist, path)), { recursive: true });
    await writeFile(join(dist, path), content);
    console.log(`dist/${path}: ${(Buffer.byteLength(content) / 1024).toFixed(0)} KiB`);
  }
  await writeFile(join(root, NOTICE), await notice(files));
}

async function check(files: ReadonlyMap<string, string>): Promise<void> {
  const committed = await filesIn(dist);
  const stale = [...files.keys()].filter((path) => !committed.includes(path));
  const extra = committed.filter((path) => !files.has(path));
  for (const path of committed.filter((file) => files.has(file))) {
    if ((await readFile(join(dist, path), 'utf8')) !== files.get(path)) stale.push(path);
  }
  if ((await readFile(join(root, NOTICE), 'utf8').catch(() => '')) !== (await notice(files))) stale.push(`../${NOTICE}`);
  if (stale.length + extra.length === 0) {
    console.log('dist/ is what src/ builds.');
    return;
  }
  for (const path of stale) console.error(`dist/${path} is not what src/ builds`);
  for (const path of extra) console.error(`dist/${path} should not be there`);
  console.error('Run `npm run build` and commit dist/.');
  process.exitCode = 1;
}

try {
  const files = await build();
  await (process.argv.includes('--check') ? check(files) : write(files));
} catch (error) {
  // Node would show the line of ncc that threw, which is a megabyte long.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
