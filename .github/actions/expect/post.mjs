/** Checks what is left after the cleanup: nothing of the benchmark, everything of the bystander. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker } from './docker.mjs';

const { STATE_bystander: bystander, STATE_leak: leak, STATE_host: host = '', INPUT_REMOVED, RUNNER_TEMP } = process.env;

/** Names on the engine, each with its kind. */
function onEngine(prefix) {
  const named = (kind, ...command) =>
    docker(host, ...command).flatMap((name) => (name.startsWith(prefix) ? `${kind} ${name}` : []));
  return [
    ...named('container', 'ps', '--all', '--format', '{{.Names}}'),
    ...named('network', 'network', 'ls', '--format', '{{.Name}}'),
    ...named('volume', 'volume', 'ls', '--format', '{{.Name}}'),
  ];
}

/** Names of the benchmark's resources that the reports say are gone: one report for each use of the action. */
function removed() {
  const directory = join(RUNNER_TEMP, 'cleanup-action');
  // None where main refused its inputs.
  const reports = (existsSync(directory) ? readdirSync(directory) : []).filter((name) => /^report.*\.json$/.test(name));
  const resources = reports.flatMap(
    (name) => JSON.parse(readFileSync(join(directory, name), 'utf8')).phases.post?.resources ?? [],
  );
  const gone = ['graceful', 'killed', 'removed'];
  return resources.filter(({ name, outcome }) => name.startsWith(leak) && gone.includes(outcome));
}

const problems = [];
for (const left of onEngine(leak)) problems.push(`${left} is left behind`);

const kept = onEngine(bystander);
const running = docker(host, 'ps', '--filter', `name=^${bystander}$`, '--format', '{{.Names}}').length;
if (kept.length !== 3 || running !== 1)
  problems.push(`the bystander was touched: ${kept.join(', ') || 'nothing of it'} is there`);

const gone = removed().length;
if (gone !== Number(INPUT_REMOVED)) problems.push(`the report names ${gone} removed resources, not ${INPUT_REMOVED}`);

docker(host, 'rm', '--force', bystander);
docker(host, 'network', 'rm', bystander);
docker(host, 'volume', 'rm', bystander);

for (const problem of problems) console.log(`::error title=Expect::${problem}`);
if (problems.length > 0) process.exitCode = 1;
else console.log(`Nothing of ${leak} is left, ${gone} resources are in the report, and ${bystander} was not touched.`);
