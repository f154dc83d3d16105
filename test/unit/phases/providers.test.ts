import { describe, expect, it, onTestFinished } from 'vitest';
import { type Config, parseConfig } from '../../../src/config/config';
import type { Connection, ProviderDefinition, Search } from '../../../src/core/connection';
import { ownedBy } from '../../../src/core/selector';
import { systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { cleanUp } from '../../../src/phases/cleanup';
import { discoverProviders, providers, secretsOf } from '../../../src/phases/providers';
import { FakeProvider } from '../../support/fake-provider';

/** All that a new kind of provider takes. */
function toy(provider: FakeProvider): ProviderDefinition<Config> {
  const connection: Connection = { name: 'toy', status: 'ready', provider, description: 'a toy', found: {} };
  return {
    name: 'toy',
    kinds: ['container'],
    discover: ({ env }) => (env['TOY'] ? [Promise.resolve(connection)] : []),
    secrets: (_, env) => (env['TOY'] ? [env['TOY']] : []),
    isAddressed: () => false,
  };
}

function search(env: Search<Config>['env']): Search<Config> {
  const deadline = new Deadline(systemClock, 60_000);
  onTestFinished(() => deadline.dispose());
  return { config: parseConfig({}, {}), env, clock: systemClock, deadline, endpoints: {} };
}

describe('a new kind of provider', () => {
  it('is one object: it is found, its secrets are masked, and what is on it is cleaned', async () => {
    const provider = new FakeProvider();
    provider.add({ id: 'mine', name: 'mine-1' });
    provider.add({ id: 'other', name: 'other-1' });
    const looked = search({ TOY: 'sesame' });
    const masked: string[] = [];

    const connections = discoverProviders(looked, { mask: (secret) => masked.push(secret), info: () => undefined }, [
      toy(provider),
    ]);
    const phase = await cleanUp({
      ...looked,
      connections,
      selection: { selector: ownedBy(undefined, { labels: [], namePrefixes: ['mine'] }) },
      mode: { kind: 'remove' },
      log: () => undefined,
    });

    expect(masked).toEqual(['sesame']);
    expect(phase.providers).toMatchObject([{ name: 'toy', status: 'ready' }]);
    expect(phase.resources).toMatchObject([{ id: 'mine', outcome: 'graceful' }]);
    expect(phase.verified).toBe(true);
  });

  it('adds nothing where it is not there', () => {
    const looked = search({});

    expect(discoverProviders(looked, { mask: () => undefined, info: () => undefined }, [toy(new FakeProvider())])).toEqual([]);
    expect(secretsOf(looked.config, looked.env, [toy(new FakeProvider())])).toEqual([]);
  });
});

describe('the providers there are', () => {
  it('are named like the settings that switch them on and off, and share no kind but what Swarm and Kubernetes call alike', () => {
    const config = parseConfig({}, {});
    for (const { name } of providers) expect(config[name]).toBe('auto');
    const kinds = providers.flatMap((provider) => [...provider.kinds]);
    expect(kinds.filter((kind, index) => kinds.indexOf(kind) !== index)).toEqual(['service', 'secret']);
  });
});
