/**
 * Writes what is made from something else: action.yml and the README's tables from the table of settings, the version from package.json,
 * the role for Kubernetes from the table of requests;
 * with --check, fails when they differ.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  groupOf,
  inputName,
  type OptionGroup,
  outputs,
  type Setting,
  type SettingKey,
  settingKeys,
  settings,
} from '../src/config/settings';
import { REQUESTS } from '../src/providers/kubernetes/api-kinds';

const root = join(import.meta.dirname, '..');

function actionYml(): string {
  const action = {
    name: 'Cleanup for benchmarks',
    description:
      'What your job starts is gone when your job ends, and you are shown that it is: what benchmarks leave on Docker, Podman, Swarm, Kubernetes and Daytona.',
    author: 'The cleanup-action authors',
    branding: { icon: 'trash-2', color: 'green' },
    inputs: Object.fromEntries(settingKeys.map((key) => [inputName(key), inputOf(settings[key])])),
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, description]) => [name, { description }])),
    runs: { using: 'node24', main: 'dist/main/index.js', post: 'dist/post/index.js', 'post-if': 'always()' },
  };
  return `# Made by \`npm run build\` from src/config/settings.ts: change it there.\n${stringify(action, { lineWidth: 0 })}`;
}

function inputOf({ description, default: plain, expression: byDefault = plain }: Setting<unknown>): Record<string, unknown> {
  return { description, required: false, ...(byDefault === '' ? {} : { default: byDefault }) };
}

/** The README's headings for groups of settings, in its order. */
const HEADINGS: Readonly<Record<OptionGroup, string>> = {
  benchmark: 'The benchmark',
  ownership: 'What is owned',
  timing: 'What is removed, and when',
  providers: 'Engines and clouds',
  removal: 'How it is removed',
  files: 'The workspace, logs, report, metrics',
};

function settingsTables(): string {
  return Object.entries(HEADINGS)
    .map(([group, heading]) => {
      const keys = settingKeys.filter((key) => groupOf(settings[key]) === group);
      return `### ${heading}\n\n${settingsTable(keys)}`;
    })
    .join('\n\n');
}

function settingsTable(keys: readonly SettingKey[]): string {
  const rows = keys.map((key) => {
    const { default: plain, expression: byDefault = plain, description }: Setting<unknown> = settings[key];
    return `| \`${inputName(key)}\` | ${byDefault === '' ? '' : `\`${byDefault}\``} | ${description} |`;
  });
  return ['| Input | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function outputsTable(): string {
  const rows = Object.entries(outputs).map(([name, description]) => `| \`${name}\` | ${description} |`);
  return ['| Output | Meaning |', '| --- | --- |', ...rows].join('\n');
}

/** The least role that a cluster must give, a rule for each group of the API and each set of verbs. */
function kubernetesRole(): string {
  const groupIn = (apiRoot: string) => /^\/apis\/([^/]+)\//.exec(apiRoot)?.[1] ?? '';
  const rules = Map.groupBy(REQUESTS, ({ root: apiRoot, verbs }) => `${groupIn(apiRoot)} ${verbs}`);
  const lines = [...rules.values()].flatMap((requests) => {
    const [{ root: apiRoot, verbs } = { root: '', verbs: [] }] = requests;
    return [
      `  - apiGroups: [${groupIn(apiRoot) || "''"}]`,
      `    resources: [${requests.map(({ plural }) => plural).join(', ')}]`,
      `    verbs: [${verbs.join(', ')}]`,
    ];
  });
  const head = ['kind: Role', 'apiVersion: rbac.authorization.k8s.io/v1', 'metadata: { name: cleanup-action }', 'rules:'];
  return ['```yaml', ...head, ...lines, '```'].join('\n');
}

/** Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`. */
function between(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there is no place for ${name}: ${start} … ${end}`);
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
}

async function versionModule(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return `/** Made from package.json by \`npm run build\`. */\nexport const VERSION = '${version}';\n`;
}

const readme = await readFile(join(root, 'README.md'), 'utf8');
const kubernetes = await readFile(join(root, 'docs/kubernetes.md'), 'utf8');
const files = {
  'action.yml': actionYml(),
  'src/lib/version.ts': await versionModule(),
  'README.md': between(between(readme, 'settings', settingsTables()), 'outputs', outputsTable()),
  'docs/kubernetes.md': between(kubernetes, 'role', kubernetesRole()),
};

for (const [path, content] of Object.entries(files)) {
  const current = await readFile(join(root, path), 'utf8').catch(() => '');
  if (current === content) continue;
  if (process.argv.includes('--check')) {
    console.error(`${path} is not what it is made from: run \`npm run build\` and commit it.`);
    process.exitCode = 1;
  } else {
    await writeFile(join(root, path), content);
    console.log(`${path} written`);
  }
}
