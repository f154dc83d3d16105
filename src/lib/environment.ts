/** A process's environment, read only. */
export type Environment = Readonly<Record<string, string | undefined>>;
