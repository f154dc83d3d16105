import { InUse, type Rung, type RungAnswer } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { items, type Json, object, text, textsIn } from '../../../lib/json-shape';
import { shellWord } from '../../../lib/shell-word';
import type { Engine } from '../connection/connect';
import { dockerCommand } from '../connection/endpoint';
import { ask } from '../connection/http';
import { createdAt, listing, UNIDENTIFIED, withField } from '../connection/shapes';
import { isGone } from '../errors';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import { type AskSwarm, onlyOnManagers, SERVICE_LABELS, type SwarmNode, taskOf } from './swarm';

/** Milliseconds between the stop signal and SIGKILL, where the service says nothing. */
const DEFAULT_STOP_MS = 10_000;

/** States in which a task's container runs no more. https://docs.docker.com/engine/swarm/how-swarm-mode-works/swarm-task-states/ */
const ENDED = new Set(['complete', 'failed', 'shutdown', 'rejected', 'orphaned', 'remove']);

/** Milliseconds to find out why tasks do not end. */
const WHY_TIMEOUT_MS = 5_000;

/** What is known of a service, also when it is gone. */
interface Known {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds that its containers have to end. */
  readonly stopMs: number;
  /** Named volumes of its tasks. */
  readonly volumes: readonly string[];
  /** Its ended containers stay. */
  readonly isJob: boolean;
}

/**
 * Services of Swarm. Nothing makes the containers of one again when it is gone: those of this engine go then like others.
 * Those of other nodes end by Swarm, with the service's own grace period, and it is not gone before they have ended.
 */
export class Services implements KindHandler {
  readonly kind = 'service';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #swarm: AskSwarm;
  readonly #known = new Map<string, Known>();
  /** Ids do not come again. */
  readonly #gone = new Set<string>();
  readonly #removed = new Map<string, Resource>();
  /** By service: the other nodes that had tasks of it. */
  readonly #elsewhere = new Map<string, ReadonlySet<string>>();
  #nodes: readonly Json[] = [];
  #node: SwarmNode | undefined;

  constructor(engine: Engine, settings: DockerSettings, swarm: AskSwarm) {
    this.#engine = engine;
    this.#settings = settings;
    this.#swarm = swarm;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    if ((await this.#place(abortSignal)).role !== 'manager') return [];
    const before = [...this.#known.keys()];
    const listed = (await ask(this.#engine.docker, '/services', abortSignal, listing)).map((service) => this.#resource(service));
    const ids = new Set(listed.map(({ id }) => id));
    for (const id of before) if (!ids.has(id)) this.#gone.add(id);
    return [...listed, ...(await this.#ending(abortSignal))];
  }

  async inspect(service: Resource, abortSignal: AbortSignal): Promise<Resource> {
    try {
      return this.#resource(
        await ask(this.#engine.docker, `/services/${encodeURIComponent(service.id)}`, abortSignal, withField('ID')),
      );
    } catch (error) {
      if (!isGone(error)) throw error;
      this.#gone.add(service.id);
      this.#removed.set(service.id, service);
      const ending = (await this.#ending(abortSignal)).find(({ id }) => id === service.id);
      if (ending === undefined) throw error;
      return ending;
    }
  }

  ladder(service: Resource): readonly Rung[] {
    const { id } = service;
    const tasksMs = this.#node?.isOneOfMany ? (this.#known.get(id)?.stopMs ?? DEFAULT_STOP_MS) : 0;
    return removalOnly(this.#settings.removeMs + tasksMs, (signal) => this.#remove(id, signal));
  }

  removalCommand({ id }: Resource): string {
    return dockerCommand(this.#engine.endpoint, 'service', 'rm', id.slice(0, 12));
  }

  /**
   * Says of containers that they are tasks of services, and gives them the labels of these: they are owned as their
   * service is.
   */
  async withServices(containers: readonly Resource[], abortSignal: AbortSignal): Promise<readonly Resource[]> {
    const services = new Set(containers.flatMap((container) => taskOf(container)?.serviceId ?? []));
    if (services.size === 0) return containers;
    const { role } = await this.#place(abortSignal);
    if (role === 'none') return containers;
    // Without an answer, they count as alive.
    const isKnown = [...services].every((id) => this.#gone.has(id)) || (await this.list(abortSignal).catch(() => undefined));
    abortSignal.throwIfAborted();
    return containers.map((container) => {
      const task = taskOf(container);
      if (task === undefined) return container;
      if (role === 'manager' && isKnown && !this.#known.has(task.serviceId)) this.#gone.add(task.serviceId);
      const own = this.#settings.kinds.includes(this.kind) ? this.#known.get(task.serviceId)?.labels : {};
      return { ...container, service: task.serviceId, labels: { ...container.labels, ...own } };
    });
  }

  /** Why a container would come again; undefined if nothing makes it. */
  refusalFor(container: Resource): InUse | undefined {
    if (container.service === undefined || this.#gone.has(container.service)) return undefined;
    const name = taskOf(container)?.service ?? container.service;
    const why = `it belongs to the Swarm service ${name}, which replaces it when it is removed`;
    if (this.#node?.role === 'worker') return onlyOnManagers(why, ['service', 'rm', name], this.#node);
    return new InUse(why, { command: dockerCommand(this.#engine.endpoint, 'service', 'rm', name) });
  }

  /** Why tasks of a removed service do not end. Never throws. */
  async whyStuck({ id }: Resource): Promise<string | undefined> {
    const signal = AbortSignal.timeout(WHY_TIMEOUT_MS);
    try {
      const tasks = (await this.#tasksElsewhere(signal)).filter((task) => task['ServiceID'] === id && isRunning(task));
      const nodes = new Set(tasks.map(({ NodeID }) => text(NodeID)));
      this.#nodes = await ask(this.#engine.docker, '/nodes', signal, listing);
      const down = this.#nodes.filter(({ ID, Status }) => nodes.has(text(ID)) && object(Status)['State'] === 'down');
      if (down.length === 0 || down.length < nodes.size) return undefined;
      const names = down.map(nodeName).join(', ');
      return `its tasks are on ${names}, which ${down.length === 1 ? 'does' : 'do'} not answer: Swarm ends them there when it does again`;
    } catch {
      return undefined;
    }
  }

  /** See `Provider.leftElsewhere`. */
  leftElsewhere(): readonly string[] {
    return [...this.#elsewhere].flatMap(([id, nodeIds]) => {
      const known = this.#known.get(id);
      if (known === undefined || !this.#gone.has(id)) return [];
      const commands = [
        ...(known.isJob ? [['container', 'prune', '--force', '--filter', `label=${SERVICE_LABELS.id}=${id}`]] : []),
        ...(known.volumes.length > 0 ? [['volume', 'rm', ...known.volumes]] : []),
      ].map((words) => ['docker', ...words].map(shellWord).join(' '));
      if (commands.length === 0) return [];
      const what = [...(known.isJob ? ['ended containers'] : []), ...(known.volumes.length > 0 ? ['volumes'] : [])].join(' and ');
      const nodes = this.#nodes.filter(({ ID }) => nodeIds.has(text(ID) ?? '')).map(nodeName);
      return `${what} of the Swarm service ${known.name} stay on other nodes: run there (${nodes.join(', ')}): ${commands.join('; ')}`;
    });
  }

  /** Removed services with tasks that still run on other nodes. */
  async #ending(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    if (this.#removed.size === 0) return [];
    const tasks = await this.#tasksElsewhere(abortSignal);
    return [...this.#removed.values()]
      .filter(({ id }) => tasks.some((task) => task['ServiceID'] === id && isRunning(task)))
      .map((service) => ({ ...service, state: 'ending' }));
  }

  async #place(abortSignal: AbortSignal): Promise<SwarmNode> {
    this.#node = await this.#swarm(abortSignal);
    return this.#node;
  }

  #resource({ ID, Spec, CreatedAt }: Json): Resource {
    const [spec, id] = [object(Spec), text(ID) ?? UNIDENTIFIED];
    const container = object(object(spec['TaskTemplate'])['ContainerSpec']);
    const name = text(spec['Name']) ?? id;
    const labels = { ...textsIn(container['Labels']), ...textsIn(spec['Labels']) };
    const stop = container['StopGracePeriod'];
    this.#known.set(id, {
      name,
      labels,
      stopMs: typeof stop === 'number' ? stop / 1e6 : DEFAULT_STOP_MS,
      volumes: items(container['Mounts']).flatMap(({ Type, Source }) => (Type === 'volume' ? (text(Source) ?? []) : [])),
      isJob: ['ReplicatedJob', 'GlobalJob'].some((mode) => Object.hasOwn(object(spec['Mode']), mode)),
    });
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id,
      name,
      image: text(container['Image']) ?? '',
      state: 'present',
      running: false,
      // Swarm sets these on its containers: who names a service by them means the service.
      labels: { [SERVICE_LABELS.id]: id, [SERVICE_LABELS.name]: name, ...labels },
      ...createdAt(CreatedAt),
    };
  }

  async #remove(id: string, abortSignal: AbortSignal): Promise<RungAnswer> {
    const isAlone = this.#node?.isOneOfMany === false;
    if (!isAlone) await this.#noteNodes(id, abortSignal);
    try {
      await ask(this.#engine.docker, `/services/${encodeURIComponent(id)}`, abortSignal, () => undefined, { method: 'DELETE' });
    } catch (error) {
      // It was removed before; its tasks may still run.
      if (!isGone(error) || isAlone) throw error;
    }
    this.#gone.add(id);
    return isAlone ? 'gone' : undefined;
  }

  /** Remembers the nodes that have tasks of a service: when it is gone, Swarm forgets them. */
  async #noteNodes(id: string, abortSignal: AbortSignal): Promise<void> {
    const tasks = await this.#tasksElsewhere(abortSignal);
    const nodes = tasks.flatMap(({ ServiceID, NodeID }) => (ServiceID === id ? (text(NodeID) ?? []) : []));
    if (nodes.length === 0) return;
    this.#elsewhere.set(id, new Set([...(this.#elsewhere.get(id) ?? []), ...nodes]));
    this.#nodes = await ask(this.#engine.docker, '/nodes', abortSignal, listing);
  }

  /** Tasks on other nodes. Swarm's filter by service knows no removed ones. */
  async #tasksElsewhere(abortSignal: AbortSignal): Promise<readonly Json[]> {
    const { role, isOneOfMany, id: own } = await this.#place(abortSignal);
    if (role !== 'manager' || !isOneOfMany) return [];
    const tasks = await ask(this.#engine.docker, '/tasks', abortSignal, listing);
    return tasks.filter(({ NodeID }) => text(NodeID) !== undefined && NodeID !== own);
  }
}

function isRunning({ Status }: Json): boolean {
  return !ENDED.has(text(object(Status)['State']) ?? '');
}

/** `w1 (wzup2w61jqft)` */
function nodeName({ ID, Description }: Json): string {
  const [id, name] = [text(ID)?.slice(0, 12) ?? UNIDENTIFIED, text(object(Description)['Hostname'])];
  return name === undefined ? id : `${name} (${id})`;
}
