import type { Kind } from './resource';

/** A resource that uses another one, which can't go before it. */
export interface Holder {
  readonly kind: Kind;
  readonly name: string;
  /** Removes it by hand. */
  readonly command: string;
}

export interface InUseOptions {
  readonly holders?: readonly Holder[];
  /** Removes the resource by hand though it is in use; without it, the usual command does. */
  readonly command?: string;
  /** All its users stay on purpose: so does it, and this is why. */
  readonly keptBecause?: string;
  /** The provider may only be late: asking again may help. */
  readonly mayPass?: boolean;
  readonly cause?: unknown;
}

/** Something else uses it: it can't be removed before that is gone. */
export class InUse extends Error {
  override readonly name = 'InUse';
  readonly holders: readonly Holder[];
  readonly command: string | undefined;
  readonly keptBecause: string | undefined;
  readonly mayPass: boolean;

  constructor(message: string, { holders = [], command, keptBecause, mayPass = false, cause }: InUseOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.holders = holders;
    this.command = command;
    this.keptBecause = keptBecause;
    this.mayPass = mayPass;
  }
}
