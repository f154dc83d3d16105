/** What testcontainers-node does. Prints what it saw, as JSON. It is found from the working directory. */
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { GenericContainer, Network } = createRequire(join(process.cwd(), 'package.json'))('testcontainers');

const [, , image, name] = process.argv;

async function main() {
  const network = await new Network().start();
  const container = await new GenericContainer(image)
    .withName(name)
    .withNetworkMode('none')
    .withLabels({ task: 'one', network: network.getName() })
    .withCommand(['sh', '-c', 'echo started; sleep 3600'])
    .withBindMounts([{ source: `${name}-volume`, target: '/data' }])
    .withCopyContentToContainer([{ content: 'hello', target: '/tmp/file' }])
    .start();
  const { output, exitCode } = await container.exec(['cat', '/tmp/file']);
  const logs = await container.logs();
  const line = await new Promise((resolve) => logs.once('data', (data) => resolve(String(data).trim())));
  logs.destroy();
  await container.restart();
  console.log(JSON.stringify([output, exitCode, line]));
  await network.stop();
  process.exit(); // The container is left on purpose.
}

void main();
