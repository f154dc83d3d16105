import { describe, expect, it } from 'vitest';
import { whyTooWide } from '../../../src/config/foreign-labels';
import { labelFilters } from '../../../src/config/types';

const parsed = (text: string) => () => labelFilters.parse(text);

describe('filters that match what tools labelled for everyone', () => {
  it.each([
    ['com.docker.compose.project', /Docker Compose .*: write com\.docker\.compose\.project=<your project>$/],
    ['com.docker.compose.project=', /Docker Compose/],
    ['com.docker.compose.oneoff=False', /“com\.docker\.compose\.oneoff=False” alone .* write com\.docker\.compose\.project=/],
    ['com.docker.compose.service', /Docker Compose/],
    ['com.docker.stack.namespace', /write com\.docker\.stack\.namespace=<your stack>$/],
    ['com.docker.swarm.service.name', /write com\.docker\.swarm\.service\.name=<your service>$/],
    ['com.docker.volume.anonymous', /Docker .*write a label of your own with its value$/],
    ['org.opencontainers.image.source', /the makers of images/],
    ['maintainer', /the makers of images/],
    ['io.podman.compose.project', /podman-compose/],
    ['org.testcontainers', /Testcontainers/],
    ['org.testcontainers=true', /Testcontainers/],
    ['io.buildah.version=1.33', /the makers of images/],
    ['com.docker.compose.project,maintainer', /Docker Compose/],
    ['team=eval\ncom.docker.compose.project', /Docker Compose/],
  ])('are refused: %s', (text, message) => {
    expect(parsed(text)).toThrow(message);
  });

  it.each([
    'com.docker.compose.project=my-benchmark',
    'com.docker.compose.project,team=eval',
    'com.docker.compose.oneoff=False,com.docker.compose.project=my-benchmark',
    'com.docker.stack.namespace=bench',
    'org.opencontainers.image.title=my-benchmark',
    'team',
    'com.example.bench',
    'maintainer=me@example.org',
  ])('are taken where they say whose it is: %s', (text) => {
    expect(parsed(text)).not.toThrow();
  });

  it('say what to write within what an error message shows', () => {
    const keys = ['com.docker.compose.container-number', 'com.amazonaws.ecs.cluster', 'com.gitlab.gitlab-runner.job.id'];
    for (const key of keys) expect(whyTooWide([{ key }])?.length).toBeLessThan(200);
  });
});
