import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { type Kind, RESOURCE_WORDS, type Resource } from '../../../../../src/core/resource';
import { Services } from '../../../../../src/providers/docker/resources/services';
import type { SwarmNode } from '../../../../../src/providers/docker/resources/swarm';

const signal = AbortSignal.timeout(30_000);
const ALONE: SwarmNode = { role: 'manager', id: 'own', isOneOfMany: false, managers: [] };

type Dial = (
  request: { readonly method: string; readonly path: string },
  done: (error: unknown, answer?: unknown) => void,
) => void;
type Answers = Readonly<Record<string, () => unknown>>;

/** Services of an engine that gives these answers, and notes what it was asked. */
function servicesAt(node: SwarmNode, answers: Answers, kinds: readonly Kind[] = RESOURCE_WORDS.services, instead?: Dial) {
  const asked: string[] = [];
  const dial: Dial = ({ method, path }, done) => {
    asked.push(`${method} ${path}`);
    try {
      done(null, answers[`${method} ${path}`]?.());
    } catch (error) {
      done(error);
    }
  };
  const engine = {
    docker: { modem: { dial: instead ?? dial } } as unknown as Docker,
    endpoint: { url: 'unix:///s', from: '' },
    version: 'Docker Engine 20.10.24',
    maxConnections: 8,
  };
  const settings = { name: 'docker', stopMs: 1, killMs: 1, removeMs: 1_000, skipGraceWhenDeaf: true, kinds };
  return { asked, services: new Services(engine, settings, async () => node) };
}

const web = (Labels = {}) => ({
  ID: 'web-id',
  Spec: { Name: 'web', Labels, TaskTemplate: { ContainerSpec: { Labels: { c: '1' } } } },
});

const container: Resource = {
  provider: 'docker',
  kind: 'container',
  id: 'c',
  name: 'web.1.t',
  state: 'running',
  running: true,
  labels: {
    'com.docker.swarm.task.id': 't',
    'com.docker.swarm.service.id': 'web-id',
    'com.docker.swarm.service.name': 'web',
  },
};

const fails = (statusCode: number, message: string) => () => {
  throw Object.assign(new Error(message), { statusCode, json: { message } });
};

describe('an engine that is no manager', () => {
  it.each(['none', 'worker', 'unknown'] as const)('is not asked for services: %s', async (role) => {
    const { asked, services } = servicesAt({ ...ALONE, role }, {});
    expect(await services.list(signal)).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('replaces no container where there is no swarm, and does where it may be in one', async () => {
    const refusal = async (role: SwarmNode['role']) => {
      const { services } = servicesAt({ ...ALONE, role }, {});
      const [known = container] = await services.withServices([container], signal);
      return services.refusalFor(known)?.message;
    };
    expect(await refusal('none')).toBeUndefined();
    const why = 'it belongs to the Swarm service web, which replaces it when it is removed';
    expect(await refusal('unknown')).toBe(why);
    expect(await refusal('worker')).toBe(`${why}: run the command on a manager of the swarm`);
  });
});

describe('a service', () => {
  it('has the labels of its containers, too; its own win', async () => {
    const { services } = servicesAt(ALONE, { 'GET /services': () => [web({ own: '2' })] });
    const [found] = await services.list(signal);
    expect(found).toMatchObject({ kind: 'service', id: 'web-id', name: 'web', labels: { c: '1', own: '2' } });
  });

  it('gives its containers its labels, and replaces them while it is there', async () => {
    const { services } = servicesAt(ALONE, { 'GET /services': () => [web({ own: '2' })] });
    const [known = container] = await services.withServices([container], signal);
    expect(known).toMatchObject({ service: 'web-id', labels: { ...container.labels, own: '2' } });
    expect(services.refusalFor(known)?.command).toBe('docker --host unix:///s service rm web');
  });

  it('gives them no labels where services are not cleaned', async () => {
    const { services } = servicesAt(ALONE, { 'GET /services': () => [web({ own: '2' })] }, ['container']);
    const [known] = await services.withServices([container], signal);
    expect(known?.labels).toEqual(container.labels);
  });

  it('replaces nothing when it is gone, and its labels are remembered', async () => {
    let there = [web({ own: '2' })];
    const { services } = servicesAt(ALONE, { 'GET /services': () => there });
    await services.list(signal);
    there = [];
    const [known = container] = await services.withServices([container], signal);
    expect(known.labels['own']).toBe('2');
    expect(services.refusalFor(known)).toBeUndefined();
  });

  it('counts as alive while the swarm has no leader', async () => {
    const { services } = servicesAt(ALONE, { 'GET /services': fails(500, 'The swarm does not have a leader.') });
    const [known = container] = await services.withServices([container], signal);
    expect(services.refusalFor(known)).toBeDefined();
  });

  it('that is made between two listings is not gone when the older one is answered last', async () => {
    const older = Promise.withResolvers<void>();
    let isFirst = true;
    const dial = (_: object, done: (error: unknown, answer?: unknown) => void) => {
      if (!isFirst) return done(null, [web()]);
      isFirst = false;
      older.promise.then(() => done(null, []));
    };
    const { services } = servicesAt(ALONE, {}, RESOURCE_WORDS.services, dial);
    const listing = services.list(signal);
    const [known = container] = await services.withServices([container], signal);
    older.resolve();
    await listing;
    expect(services.refusalFor(known)).toBeDefined();
  });

  const MANY = { ...ALONE, isOneOfMany: true };
  const task = (State: string) => ({ ServiceID: 'web-id', NodeID: 'other', Status: { State } });

  it.each([
    ['is there while a task on another node runs', 'running', 'ending'],
    ['is gone when that has ended', 'shutdown', undefined],
  ])('that was removed %s', async (_, state, seen) => {
    const { services } = servicesAt(MANY, {
      'GET /services': () => [],
      'GET /services/web-id': fails(404, 'service web-id not found'),
      'GET /tasks': () => [task(state), { ...task('running'), NodeID: 'own' }, { ...task('running'), ServiceID: 'another' }],
    });
    const service: Resource = { ...container, kind: 'service', id: 'web-id', name: 'web', labels: {} };
    const found = await services.inspect(service, signal).catch(() => undefined);
    expect(found?.state).toBe(seen);
    expect((await services.list(signal)).map(({ id }) => id)).toEqual(seen ? ['web-id'] : []);
  });

  it('with tasks on other nodes is not called gone by its removal', async () => {
    const { services } = servicesAt(MANY, {
      'GET /tasks': () => [task('running')],
      'GET /nodes': () => [{ ID: 'other' }],
      'DELETE /services/web-id': () => ({}),
    });
    const service: Resource = { ...container, kind: 'service', id: 'web-id', name: 'web', labels: {} };
    await services.list(signal).catch(() => undefined);
    expect(await services.ladder(service)[0]?.run(signal, 0)).toBeUndefined();
  });

  it('on one node costs no question about tasks', async () => {
    const { asked, services } = servicesAt(ALONE, { 'DELETE /services/web-id': () => ({}) });
    const service: Resource = { ...container, kind: 'service', id: 'web-id', name: 'web', labels: {} };
    await services.list(signal).catch(() => undefined);
    expect(await services.ladder(service)[0]?.run(signal, 0)).toBe('gone');
    expect(asked.filter((path) => path.includes('tasks'))).toEqual([]);
  });
});
