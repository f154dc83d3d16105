import type { ContainerEvent, ContainerSource, ContainerStatus, LogChunk } from '../../../src/core/container-source';
import type { Resource } from '../../../src/core/resource';
import { systemClock } from '../../../src/lib/clock';

interface Entry {
  status: ContainerStatus;
  /** What its log holds. */
  readonly log: LogChunk[];
  /** Connections that hear what it writes. */
  readonly live: Set<Feed<readonly LogChunk[]>>;
}

/** What a test sends when it likes, for one reader. */
class Feed<T> {
  readonly #items: T[] = [];
  #end: Error | 'ended' | undefined;
  #wake: () => void = () => undefined;

  send(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  end(how: Error | 'ended' = 'ended'): void {
    this.#end ??= how;
    this.#wake();
  }

  async *read(signal: AbortSignal): AsyncGenerator<T> {
    signal.addEventListener('abort', () => this.end(new Error('aborted')), { once: true });
    for (;;) {
      const [item] = this.#items.splice(0, 1);
      if (item !== undefined) yield item;
      else if (this.#end instanceof Error) throw this.#end;
      else if (this.#end === 'ended') return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

class Gone extends Error {}

/** Containers that exist in memory only, with the events, logs and faults that a test gives them. */
export class MemorySource implements ContainerSource {
  readonly eventDelayMs = 0;
  maxFollowed = 100;
  /** Awaited before a log is read, before anything is inspected, before an attach is answered. */
  holdRead: Promise<unknown> = Promise.resolve();
  holdAttach: Promise<unknown> = Promise.resolve();
  /** Thrown by every log that is read. */
  readError: Error | undefined;
  /** The engine is down: everything is refused. */
  isDown = false;
  attaches = 0;
  inspections = 0;
  attachBringsAll?: true;
  labelsInEvents?: true;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<Feed<ContainerEvent>>();
  readonly #past: ContainerEvent[] = [];

  create(
    id: string,
    options: Partial<Pick<Resource, 'labels' | 'name'>> & { autoRemove?: boolean; eventLabels?: Resource['labels'] } = {},
  ): void {
    const { labels = {}, name = id, autoRemove = false, eventLabels = labels } = options;
    const container: Resource = { provider: 'memory', kind: 'container', id, name, state: 'created', running: false, labels };
    this.#entries.set(id, {
      status: { container, phase: 'waiting', oomKilled: false, autoRemove },
      log: [],
      live: new Set(),
    });
    this.#report('created', { ...container, labels: eventLabels });
  }

  start(id: string): void {
    this.#change(id, { phase: 'running', startedAt: systemClock.now() }, { state: 'running', running: true });
    this.#report('started', this.#entry(id).status.container);
  }

  /** @param lag its log does not have it yet */
  write(id: string, text: string, { stream = 'stdout', lag = false }: { stream?: LogChunk['stream']; lag?: boolean } = {}): void {
    const { log, live } = this.#entry(id);
    const chunk: LogChunk = { stream, at: '2026-11-25T00:00:00Z', bytes: Buffer.from(text) };
    if (!lag) log.push(chunk);
    for (const feed of live) feed.send([chunk]);
  }

  ask(id: string): void {
    this.#report('asked', this.#entry(id).status.container);
  }

  /** @param reported the exit code in the event, if it is another one; null for none */
  die(id: string, exitCode: number, reported: number | null = exitCode): void {
    this.#change(id, { phase: 'ended', endedAt: systemClock.now(), exitCode }, { state: 'exited', running: false });
    const { status, live } = this.#entry(id);
    for (const feed of live) feed.end();
    this.#report('died', status.container, reported === null ? {} : { exitCode: reported });
    if (status.autoRemove) this.remove(id);
  }

  remove(id: string): void {
    const { status } = this.#entry(id);
    this.#entries.delete(id);
    this.#report('removed', status.container);
  }

  /** There is no event of it. */
  failStart(id: string, error: string): void {
    this.#change(id, { phase: 'never started', error }, {});
  }

  /** The connections to a container's log end, or break. */
  breakLog(id: string, how: Error | 'ended'): void {
    const { live } = this.#entry(id);
    for (const feed of live) feed.end(how);
    live.clear();
  }

  /** All connections end, as if the engine had been killed. Its containers live on. */
  goDown(): void {
    this.isDown = true;
    for (const feed of this.#watchers) feed.end();
    this.#watchers.clear();
    for (const { live } of this.#entries.values()) {
      for (const feed of live) feed.end();
      live.clear();
    }
  }

  followsBeforeStart(): boolean {
    return true;
  }

  async now(): Promise<number> {
    return systemClock.now();
  }

  async watch(since: number, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    this.#check();
    const feed = new Feed<ContainerEvent>();
    for (const event of this.#past.filter(({ at }) => at >= since)) feed.send(event);
    this.#watchers.add(feed);
    return feed.read(signal);
  }

  async list(): Promise<readonly Resource[]> {
    this.#check();
    return [...this.#entries.values()].map(({ status }) => status.container);
  }

  async inspect({ id }: Resource): Promise<ContainerStatus | undefined> {
    this.inspections += 1;
    this.#check();
    return this.#entries.get(id)?.status;
  }

  async read({ id }: Resource): Promise<AsyncIterable<readonly LogChunk[]>> {
    await this.holdRead;
    this.#check();
    if (this.readError) throw this.readError;
    const chunks = [...this.#entry(id).log];
    return (async function* () {
      yield chunks;
    })();
  }

  async attach({ id }: Resource, signal: AbortSignal): Promise<AsyncIterable<readonly LogChunk[]>> {
    await this.holdAttach;
    this.#check();
    this.attaches += 1;
    const feed = new Feed<readonly LogChunk[]>();
    const { live, log } = this.#entry(id);
    if (this.attachBringsAll && log.length > 0) feed.send([...log]);
    live.add(feed);
    return feed.read(signal);
  }

  classify(error: unknown): ReturnType<ContainerSource['classify']> {
    return error instanceof Gone ? { kind: 'gone' } : { kind: 'retryable' };
  }

  #check(): void {
    if (this.isDown) throw new Error('the engine is down');
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new Gone(`there is no ${id}`);
    return entry;
  }

  #change(id: string, status: Partial<ContainerStatus>, container: Partial<Resource>): void {
    const entry = this.#entry(id);
    entry.status = { ...entry.status, ...status, container: { ...entry.status.container, ...container } };
  }

  #report(kind: ContainerEvent['kind'], container: Resource, more: Partial<ContainerEvent> = {}): void {
    const event: ContainerEvent = { kind, at: systemClock.now(), container: { ...container, state: kind }, ...more };
    this.#past.push(event);
    for (const feed of this.#watchers) feed.send(event);
  }
}
