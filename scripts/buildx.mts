/** Builds buildx for the tests of builders, from the module that Go's proxy has: about five minutes of two cores. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, runProgram } from '../test/support/engine/engine-cache';

const MODULE = 'github.com/docker/buildx';
const VERSION = 'v0.38.2';

await cached('buildx', async (directory) => {
  const source = join(directory, 'src');
  await mkdir(source);
  await writeFile(join(source, 'go.mod'), `module engine\n\ngo 1.26\n\nrequire ${MODULE} ${VERSION}\n`);
  // Only what a file imports gets into go.mod.
  await writeFile(join(source, 'tools.go'), `package engine\n\nimport _ "${MODULE}/cmd/buildx"\n`);
  const flags = ['-mod=mod', '-trimpath', '-ldflags', '-s -w', '-o', join(directory, 'docker-buildx')];
  await runProgram('go', ['build', ...flags, `${MODULE}/cmd/buildx`], { cwd: source, env: { CGO_ENABLED: '0' } });
  await rm(source, { recursive: true });
});
