import { labels as labelKeys } from '../../core/labels';
import type { Resource } from '../../core/resource';
import type { Metadata } from './objects';
import { releaseNameOf } from './releases';
import { type Scene, type Thing, templateLabels } from './scene';

type Labels = Resource['labels'];

/** A session's id, and the label's value that stands for it: see `labelValue`. */
export interface CarriedSession {
  readonly carried: string;
  readonly id: string;
}

/** The labels that tell an object's owner, with those that only its release or the template of its pods carries. */
export class ObjectLabels {
  readonly #scene: Scene;
  readonly #session: CarriedSession | undefined;
  /** By namespace and release: the objects of a release don't carry its labels. */
  readonly #releases = new Map<string, ReadonlyMap<string, Labels>>();
  /** Releases that were looked up, by namespace and name: their secrets may be hidden, or gone. */
  readonly #sought = new Set<string>();

  constructor(scene: Scene, session: CarriedSession | undefined) {
    this.#scene = scene;
    this.#session = session;
  }

  /** Looks up the labels of the releases that objects belong to. */
  async learn(things: readonly Thing[], namespace: string, signal: AbortSignal): Promise<void> {
    const found = await this.#scene.releaseLabels(things, namespace, signal);
    if (found.size > 0) this.#releases.set(namespace, found);
    for (const { metadata } of things) this.#sought.add(keyOf(metadata));
  }

  /** Whether nothing has to be learned for an object. */
  knows({ metadata }: Thing): boolean {
    return releaseNameOf(metadata) === undefined || this.#sought.has(keyOf(metadata));
  }

  /** @param inherited of what makes it */
  of(thing: Thing, inherited: Labels = {}): Labels {
    const { api, metadata } = thing;
    return this.#withSession({
      ...inherited,
      ...this.#releases.get(metadata.namespace)?.get(releaseNameOf(metadata) ?? ''),
      ...(api.makesPods ? templateLabels(thing) : {}),
      ...metadata.labels,
    });
  }

  /** The labels of a release itself. */
  ofRelease(labels: Labels): Labels {
    return this.#withSession(labels);
  }

  /** The session that a label's value stands for. */
  sessionIn(value: string): string {
    return this.#session?.carried === value ? this.#session.id : value;
  }

  #withSession(labels: Labels): Labels {
    const session = labels[labelKeys.session];
    return session === undefined ? labels : { ...labels, [labelKeys.session]: this.sessionIn(session) };
  }
}

function keyOf(metadata: Metadata): string {
  return `${metadata.namespace}/${releaseNameOf(metadata) ?? ''}`;
}
