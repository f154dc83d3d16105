import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import type { ContainerSource } from './container-source';
import type { Disk } from './disk';
import type { GiveBack } from './give-back';
import type { Lifetimes } from './lifetimes';
import type { Provider } from './provider';
import type { Kind, Resource } from './resource';
import type { RunProgram } from './run-program';

/** A command to copy that removes what carries a label (`key=value`). */
export type CleanupCommand = (label: string) => string;

/** Where each provider was found, by name: a later process looks only there. No secrets. */
export type Endpoints = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Bytes of disk, by `keyOf`; unknown sizes are left out. */
export type Sizes = ReadonlyMap<string, number>;

/** The result of looking for a provider. */
export type Connection =
  | {
      readonly name: string;
      readonly status: 'ready';
      readonly provider: Provider;
      /** For people: `Docker Engine 20.10.24 at unix:///var/run/docker.sock (the default)`. */
      readonly description: string;
      /** Lets a later process find the same one; no secrets. */
      readonly found: Readonly<Record<string, string>>;
      readonly cleanupCommand?: CleanupCommand;
      /** Present if containers can end by themselves and leave logs. */
      readonly containers?: ContainerSource;
      /** Present if it can end resources by itself, later. */
      readonly lifetimes?: Lifetimes;
      /** Present if it reaches this machine's files: gives some to a user. Throws when it can't. */
      readonly giveBack?: (request: GiveBack, signal: AbortSignal) => Promise<void>;
      /** Present if networks get addresses from it: for how many more; undefined if unknown. */
      readonly networksLeft?: (networks: readonly Resource[], signal: AbortSignal) => Promise<number | undefined>;
      /** Present if there is a disk: the space that each resource takes. Slow. */
      readonly sizes?: (signal: AbortSignal) => Promise<Sizes>;
      /** Present if there is a disk whose space can be kept to a budget. */
      readonly disk?: Disk;
    }
  | {
      readonly name: string;
      /** `skipped`: not needed. `unavailable`: it exists or is required, and does not answer. */
      readonly status: 'skipped' | 'unavailable';
      readonly reason: string;
      /** The user asked for it: main fails without it. */
      readonly required?: boolean;
      /** Present if its address is known. */
      readonly cleanupCommand?: CleanupCommand;
    };

/** What a search for a provider may use. */
export interface Search<Settings> {
  readonly config: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly deadline: Deadline;
  /** Whose resources are looked for; absent where all sessions' are. */
  readonly sessionId?: string | undefined;
  /** Where an earlier process of the same job found providers. */
  readonly endpoints: Endpoints;
  /** Absent where no program may be started. */
  readonly runProgram?: RunProgram | undefined;
  /** Unused anonymous volumes are to be listed, too: the session's records tell whose they are. */
  readonly orphans?: boolean;
  /** Called once for a place that does not answer at first, and is asked again. */
  readonly onWait?: (line: string) => void;
}

/**
 * Everything that the rest of the program knows about a kind of provider. A new one is a folder in
 * `providers/` that exports one of these, and a line in `phases/providers.ts`.
 */
export interface ProviderDefinition<Settings> {
  /** Also the name of the setting that switches it on and off. */
  readonly name: string;
  /** The kinds of resources that it can have. */
  readonly kinds: readonly Kind[];
  /**
   * Looks for the provider as the settings say.
   * @returns one connection for each place; it settles when that place answers, and never rejects
   */
  discover(search: Search<Settings>): readonly Promise<Connection>[];
  /** Every secret that it may use, for masking. */
  secrets(config: Settings, env: Search<Settings>['env']): readonly string[];
  /** Whether a setting gives its address: then it must answer. */
  isAddressed(config: Settings): boolean;
}
