/**
 * The demo's benchmark: starts 20 containers and five sandboxes with the session's label, and leaves without looking back. What it is told
 * comes through the environment, as for any benchmark: DOCKER_HOST, DAYTONA_API_URL, DAYTONA_API_KEY, CLEANUP_LABEL; and DEMO_IMAGE.
 */
import Docker from 'dockerode';
import { dockerOptions } from '../src/providers/docker/connection/endpoint';

const { DOCKER_HOST: url = '', CLEANUP_LABEL: label = '', DEMO_IMAGE: image = '' } = process.env;
const { DAYTONA_API_URL: daytona = '', DAYTONA_API_KEY: daytonaKey = '' } = process.env;
const docker = new Docker(dockerOptions({ url, from: 'the demo' }));
const [key = '', value = ''] = label.split('=');

async function start(name: string, command: readonly string[], hostConfig: Docker.HostConfig = {}): Promise<Docker.Container> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: [...command],
    Labels: { [key]: value },
    HostConfig: { NetworkMode: 'none', ...hostConfig },
    name: `demo-${process.pid}-${name}`,
  });
  await container.start();
  return container;
}

async function createSandbox(name: string): Promise<void> {
  const response = await fetch(`${daytona}/sandbox`, {
    method: 'POST',
    headers: { authorization: `Bearer ${daytonaKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, labels: { [key]: value } }),
  });
  if (!response.ok) throw new Error(`a sandbox could not be created: ${response.status} ${await response.text()}`);
}

const many = (number: number, name: string, command: readonly string[]) =>
  Array.from({ length: number }, (_, index) => start(`${name}-${index + 1}`, command));

await Promise.all([
  ...many(8, 'polite', ['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.1; done"]),
  ...many(5, 'deaf', ['sh', '-c', "trap '' TERM; while :; do sleep 1; done"]),
  ...many(5, 'failing', ['sh', '-c', 'echo out of luck; exit 3']),
  start('restarting', ['false'], { RestartPolicy: { Name: 'always' } }),
  start('paused', ['sleep', '3600']).then((container) => container.pause()),
  ...Array.from({ length: 5 }, (_, index) => createSandbox(`demo-${process.pid}-sandbox-${index + 1}`)),
]);
console.log('20 containers and 5 sandboxes started. Something went wrong; leaving them behind.');
process.exitCode = 1;
