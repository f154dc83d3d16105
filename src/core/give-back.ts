/** Directories to give to a user with all that is in them, as `chownArguments` says. */
export interface GiveBack {
  readonly directories: readonly string[];
  /** Paths in them that stay as they are: something else is mounted there. */
  readonly mounts: readonly string[];
  readonly uid: number;
  readonly gid: number;
  /** Of what does it. */
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of images to try first. */
  readonly images: readonly string[];
  /** By name: takes in each helper before it is made, and loses it when the engine confirms that it is gone. */
  readonly helpers: Map<string, Helper>;
}

/** A short container that gives files back. */
export interface Helper {
  /** Why it may still be there. */
  readonly problem: string;
  /** Removes it. */
  readonly command: string;
}
