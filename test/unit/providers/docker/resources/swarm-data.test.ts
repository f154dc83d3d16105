import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { InUse } from '../../../../../src/core/provider';
import { RESOURCE_WORDS, type Resource } from '../../../../../src/core/resource';
import type { SwarmNode } from '../../../../../src/providers/docker/resources/swarm';
import { SwarmData } from '../../../../../src/providers/docker/resources/swarm-data';

const signal = AbortSignal.timeout(30_000);

/** Secrets of an engine with such a place in a swarm, that gives these answers. */
function secretsAt(role: SwarmNode['role'], answers: Readonly<Record<string, () => unknown>>) {
  const asked: string[] = [];
  const dial = (
    { method, path }: { readonly method: string; readonly path: string },
    done: (error: unknown, answer?: unknown) => void,
  ) => {
    asked.push(`${method} ${path}`);
    try {
      done(null, answers[`${method} ${path}`]?.());
    } catch (error) {
      done(error);
    }
  };
  const engine = {
    docker: { modem: { dial } } as unknown as Docker,
    endpoint: { url: 'unix:///s', from: '' },
    version: 'Docker Engine 20.10.24',
    maxConnections: 8,
  };
  const settings = {
    ...{ name: 'docker', stopMs: 1, killMs: 1, removeMs: 1_000, skipGraceWhenDeaf: true },
    kinds: RESOURCE_WORDS.services,
  };
  const node = { role, id: 'own', isOneOfMany: false, managers: [] };
  return { asked, secrets: new SwarmData('secret', engine, settings, async () => node) };
}

const SECRET: Resource = {
  ...{ provider: 'docker', kind: 'secret', id: 's', name: 'key', state: 'present', running: false },
  labels: { own: '1' },
};

const fails = (statusCode: number, message: string) => () => {
  throw Object.assign(new Error(message), { statusCode, json: { message } });
};

describe('the secrets of a swarm', () => {
  it('are a manager’s', async () => {
    const { secrets } = secretsAt('manager', {
      'GET /secrets': () => [{ ID: 's', Spec: { Name: 'key', Labels: { own: '1' } } }],
    });
    expect(await secrets.list(signal)).toEqual([SECRET]);
  });

  it.each(['none', 'worker', 'unknown'] as const)('are not asked for where the engine is no manager: %s', async (role) => {
    const { asked, secrets } = secretsAt(role, { 'GET /secrets': fails(503, 'This node is not a swarm manager.') });
    expect(await secrets.list(signal)).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('stay while services use them, and these are named', async () => {
    const message = "rpc error: code = InvalidArgument desc = secret 'key' is in use by the following services: web, db";
    const { secrets } = secretsAt('manager', { 'DELETE /secrets/s': fails(400, message) });
    const error = await secrets
      .ladder(SECRET)[0]
      ?.run(signal, 0)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InUse);
    expect(error).toMatchObject({ message: 'it is in use by the Swarm services web, db' });
  });

  it('fail to go for the engine’s own reason otherwise', async () => {
    const { secrets } = secretsAt('manager', { 'DELETE /secrets/s': fails(500, 'The swarm does not have a leader.') });
    await expect(secrets.ladder(SECRET)[0]?.run(signal, 0)).rejects.toThrow('The swarm does not have a leader.');
  });
});
