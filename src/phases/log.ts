/** Where phases tell what they do: the runner's log, or a terminal. What is handed over is one line, and foreign text in it is escaped. */
export interface Log {
  debug(line: string): void;
  info(line: string): void;
  warning(line: string, title: string): void;
  error(line: string, title: string): void;
  /** Puts together what `work` tells. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** From now on the text is shown nowhere. */
  mask(secret: string): void;
}
