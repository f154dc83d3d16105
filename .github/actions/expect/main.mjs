/** Makes bystanders on the engine, and `benchmark.sh` in the workspace. The state for post is names alone. */
import { randomUUID } from 'node:crypto';
import { appendFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker, IMAGE } from './docker.mjs';

const id = randomUUID().slice(0, 8);
const bystander = `bystander-${id}`;
const leak = `leak-${id}`;
const host = process.env.DOCKER_HOST ?? '';

docker(host, 'network', 'create', bystander);
docker(host, 'volume', 'create', bystander);
const mount = `type=volume,source=${bystander},target=/data`;
docker(host, 'run', '--detach', '--name', bystander, '--network', 'none', '--mount', mount, IMAGE, 'sleep', '3600');
copyFileSync(join(import.meta.dirname, 'benchmark.sh'), join(process.env.GITHUB_WORKSPACE, 'benchmark.sh'));
appendFileSync(process.env.GITHUB_ENV, `LEAK=${leak}\n`);
// Later steps are led through the proxy; post asks the engine itself.
appendFileSync(process.env.GITHUB_STATE, `bystander=${bystander}\nleak=${leak}\nhost=${host}\n`);
