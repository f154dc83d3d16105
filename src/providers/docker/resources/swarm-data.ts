import type { Rung } from '../../../core/provider';
import type { Resource } from '../../../core/resource';
import { type Json, object, text, textsIn } from '../../../lib/json-shape';
import type { Engine } from '../connection/connect';
import { dockerCommand } from '../connection/endpoint';
import { ask } from '../connection/http';
import { createdAt, listing, UNIDENTIFIED, withField } from '../connection/shapes';
import { type DockerSettings, type KindHandler, removalOnly } from './handler';
import { inUseByServices } from './in-use';
import type { AskSwarm } from './swarm';

/** Secrets, or configs, of Swarm. */
export class SwarmData implements KindHandler {
  readonly kind: 'secret' | 'config';
  readonly #engine: Engine;
  readonly #settings: DockerSettings;
  readonly #swarm: AskSwarm;

  constructor(kind: SwarmData['kind'], engine: Engine, settings: DockerSettings, swarm: AskSwarm) {
    this.kind = kind;
    this.#engine = engine;
    this.#settings = settings;
    this.#swarm = swarm;
  }

  async list(abortSignal: AbortSignal): Promise<readonly Resource[]> {
    if ((await this.#swarm(abortSignal)).role !== 'manager') return [];
    return (await ask(this.#engine.docker, `/${this.kind}s`, abortSignal, listing)).map((found) => this.#resource(found));
  }

  async inspect({ id }: Resource, abortSignal: AbortSignal): Promise<Resource> {
    return this.#resource(await ask(this.#engine.docker, this.#path(id), abortSignal, withField('ID')));
  }

  ladder({ id }: Resource): readonly Rung[] {
    return removalOnly(this.#settings.removeMs, (signal) => this.#remove(id, signal));
  }

  removalCommand({ id }: Resource): string {
    return dockerCommand(this.#engine.endpoint, this.kind, 'rm', id.slice(0, 12));
  }

  #path(id: string): string {
    return `/${this.kind}s/${encodeURIComponent(id)}`;
  }

  /** Leaves out its content, which may be secret. */
  #resource({ ID, Spec, CreatedAt }: Json): Resource {
    const [spec, id] = [object(Spec), text(ID) ?? UNIDENTIFIED];
    return {
      provider: this.#settings.name,
      kind: this.kind,
      id,
      name: text(spec['Name']) ?? id,
      state: 'present',
      running: false,
      labels: textsIn(spec['Labels']),
      ...createdAt(CreatedAt),
    };
  }

  async #remove(id: string, abortSignal: AbortSignal): Promise<undefined> {
    try {
      await ask(this.#engine.docker, this.#path(id), abortSignal, () => undefined, { method: 'DELETE' });
    } catch (error) {
      throw inUseByServices(error, this.#engine.endpoint) ?? error;
    }
  }
}
