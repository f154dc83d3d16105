import type { ContainerSource } from './container-source';
import type { Provider } from './provider';

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
