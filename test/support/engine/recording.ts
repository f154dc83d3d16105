import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import type { ContainerSource, LogChunk, LogStream } from '../../../src/core/container-source';
import { labels } from '../../../src/core/labels';
import { ofSession, type Selector } from '../../../src/core/selector';
import { ByteBudget } from '../../../src/lib/byte-budget';
import { systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { connect } from '../../../src/providers/docker/connection/connect';
import { dockerContainers } from '../../../src/providers/docker/events/container-source';
import { EngineFacts } from '../../../src/providers/docker/resources/engine-facts';
import type { Death, LogsWanted } from '../../../src/recorder/deaths';
import { SEAM } from '../../../src/recorder/logs/log-follower';
import type { KeepingPlace } from '../../../src/recorder/logs/log-keeper';
import { redactor } from '../../../src/recorder/logs/redactor';
import { Recorder } from '../../../src/recorder/recorder';
import { dockerHost } from './own-engine';

const MIB = 2 ** 20;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

export interface RecordingSettings {
  readonly logs?: LogsWanted;
  readonly logLimit?: number;
  readonly logsLimit?: number;
  readonly secrets?: readonly string[];
  /** Whose containers are recorded; the session's by default. */
  readonly owned?: Selector;
  /** Where the engine is, where it is not the tests' own. */
  readonly url?: string;
  /** What is recorded in place of an engine: a cluster. */
  readonly source?: ContainerSource;
  /** Puts something between the recorder and the engine. */
  readonly change?: (source: ContainerSource) => ContainerSource;
}

/** The containers of an engine: the tests' own, unless a test has another. */
export async function containerSource(url: string = dockerHost): Promise<ContainerSource> {
  const deadline = new Deadline(systemClock, 10_000);
  try {
    const engine = await connect([{ url, from: 'the tests' }], deadline, systemClock);
    const settings = {
      name: 'docker',
      stopMs: 1,
      killMs: 1,
      removeMs: 1,
      skipGraceWhenDeaf: true,
      kinds: ['container'],
    } as const;
    return dockerContainers(engine, settings, systemClock, new EngineFacts(engine.docker, systemClock));
  } finally {
    deadline.dispose();
  }
}

/** Ids of containers. */
interface Followed {
  /** To which the recorder has attached. */
  readonly attached: Set<string>;
  /** Of which it has what they wrote at first. */
  readonly heard: Set<string>;
}

function watchingLogs(source: ContainerSource, { attached, heard }: Followed): ContainerSource {
  return {
    ...source,
    async attach(container, signal) {
      const stream = await source.attach(container, signal);
      attached.add(container.id);
      return noting(stream, { first: () => heard.add(container.id) });
    },
    async read(container, lines, signal) {
      return noting(await source.read(container, lines, signal), { last: () => heard.add(container.id) });
    },
  };
}

/** Calls `first` with the first part of a log, and `last` when all of one that is not empty was taken. */
async function* noting(
  stream: LogStream,
  { first, last }: { readonly first?: () => unknown; readonly last?: () => unknown },
): AsyncGenerator<readonly LogChunk[]> {
  let isEmpty = true;
  for await (const chunks of stream) {
    if (isEmpty) first?.();
    isEmpty = false;
    yield chunks;
  }
  if (!isEmpty) last?.();
}

/** Where a test's logs go: a directory of their own, removed after the test. */
export async function place(settings: RecordingSettings = {}): Promise<KeepingPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'cleanup-logs-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const { logLimit = 10 * MIB, logsLimit = 200 * MIB, secrets = [] } = settings;
  return { directory, limit: logLimit, space: new ByteBudget(logsLimit), redactor: redactor(secrets) };
}

/** A recorder that listens to a session of a test's own, and how to label what belongs to it. */
export class TestRecording {
  readonly session: string;
  readonly labelled: { readonly labels: Record<string, string> };
  readonly directory: string;
  readonly recorder: Recorder;
  readonly #followed: Followed;
  #finished: Promise<readonly Death[]> | undefined;

  private constructor(session: string, directory: string, recorder: Recorder, followed: Followed) {
    this.session = session;
    this.labelled = { labels: { [labels.session]: session } };
    this.directory = directory;
    this.recorder = recorder;
    this.#followed = followed;
  }

  static async start(settings: RecordingSettings = {}): Promise<TestRecording> {
    const session = `test-${randomUUID()}`;
    const { logs = 'failed', owned = ofSession(session), change = (same) => same } = settings;
    const where = await place(settings);
    const followed: Followed = { attached: new Set(), heard: new Set() };
    const source = change(watchingLogs(settings.source ?? (await containerSource(settings.url)), followed));
    const recorder = new Recorder({ source, owned, logs, place: where, clock: systemClock });
    const recording = new TestRecording(session, where.directory, recorder, followed);
    cleanups.unshift(() => recording.finish());
    await recorder.start();
    return recording;
  }

  /** Whatever the container writes from now on is heard. */
  hasAttached({ id }: { readonly id: string }): boolean {
    return this.#followed.attached.has(id);
  }

  /** The same, and what it wrote before is there, too. For one that has written something, and writes no more for now. */
  hasHeard(container: { readonly id: string }): boolean {
    return this.hasAttached(container) && this.#followed.heard.has(container.id);
  }

  /** @returns the deaths, in their order */
  finish(signal: AbortSignal = AbortSignal.timeout(30_000)): Promise<readonly Death[]> {
    this.#finished ??= this.recorder.finish(signal);
    return this.#finished;
  }
}

/**
 * Expects all that a container wrote in its log; where a line says that some may be missing or come twice, its beginning before that line,
 * and its end after it.
 */
export async function expectLog(death: Death | undefined, all: string): Promise<void> {
  const log = await logOf(death);
  const [before = '', after, ...others] = log.split(`${SEAM}\n`);
  expect(others).toEqual([]);
  if (after === undefined) {
    expect(log).toBe(all);
    return;
  }
  expect({ log, isBeginning: all.startsWith(before), isEnd: all.endsWith(after) }).toMatchObject({
    isBeginning: true,
    isEnd: true,
  });
}

/** What stands in the log of a death, bytes as they are, without the times. @throws unless each line begins with one */
export async function logOf(death: Death | undefined): Promise<string> {
  if (!death?.log.file) throw new Error(`there is no log: ${death?.log.reason}`);
  const lines = (await readFile(death.log.file, 'latin1')).split('\n');
  if (lines.pop() !== '') throw new Error('the log’s last line has no end');
  const timeless = lines.map((line) => {
    const text = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) ([\s\S]*)$/.exec(line)?.[1];
    if (text === undefined) throw new Error(`there is no time before ${JSON.stringify(line.slice(0, 200))}`);
    return `${text}\n`;
  });
  return timeless.join('');
}
