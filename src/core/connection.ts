import type { Clock } from '../lib/clock';
import type { Deadline } from '../lib/deadline';
import type { ContainerSource } from './container-source';
import type { Provider } from './provider';
import type { Kind } from './resource';
import type { RunProgram } from './run-program';

/** What a person types to remove what runs with a label (`key=value`), where the provider can't be reached from here. */
export type CleanupCommand = (label: string) => string;

/** Where each provider was found, by its name: a later process looks there and nowhere else. No secrets. */
export type Endpoints = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Bytes of disk, by `keyOf`; what is not in it is not known. */
export type Sizes = ReadonlyMap<string, number>;

/** What came of looking for a provider. */
export type Connection =
  | {
      readonly name: string;
      readonly status: 'ready';
      readonly provider: Provider;
      /** What was found, for people: `Docker Engine 20.10.24 at unix:///var/run/docker.sock (the default)`. */
      readonly description: string;
      /** What a later process needs to find the same one again; no secrets. */
      readonly found: Readonly<Record<string, string>>;
      readonly cleanupCommand?: CleanupCommand;
      /** Where containers end by themselves, and leave logs. */
      readonly containers?: ContainerSource;
      /** Where there is a disk: how much of it each resource holds. Takes long. */
      readonly sizes?: (signal: AbortSignal) => Promise<Sizes>;
    }
  | {
      readonly name: string;
      /** `skipped`: there need not be one. `unavailable`: there was one, or must be, and it does not answer. */
      readonly status: 'skipped' | 'unavailable';
      readonly reason: string;
      /** The user asked for it: main fails without it. */
      readonly required?: boolean;
      /** Where it is known where it should be. */
      readonly cleanupCommand?: CleanupCommand;
    };

/** Everything that a search for a provider may use. */
export interface Search<Settings> {
  readonly config: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly deadline: Deadline;
  /** Where an earlier process of the same job found providers. */
  readonly endpoints: Endpoints;
  /** Absent where no program may be started. */
  readonly runProgram?: RunProgram;
}

/**
 * A kind of provider: all that the rest of the program knows about it. A new one is a folder in `providers/` that exports one of
 * these, and a line in `phases/providers.ts`.
 * @typeParam Settings the settings that it reads
 */
export interface ProviderDefinition<Settings> {
  /** Also the name of the setting that switches it on and off. */
  readonly name: string;
  /** The kinds of resources that it can have. */
  readonly kinds: readonly Kind[];
  /**
   * Looks for the provider as the settings say.
   * @returns a connection for each place: it settles as soon as that place has answered, and never rejects
   */
  discover(search: Search<Settings>): readonly Promise<Connection>[];
  /** Every secret that it may use, to be masked wherever text is shown. */
  secrets(config: Settings, env: Search<Settings>['env']): readonly string[];
  /** Whether a setting says where it is: then the user counts on it. */
  isAddressed(config: Settings): boolean;
}
