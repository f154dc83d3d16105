import { stat } from 'node:fs/promises';
import type { Config } from '../config/config';
import type { Connection } from '../core/connection';
import type { Resource } from '../core/resource';
import type { Selector } from '../core/selector';
import { ByteBudget } from '../lib/byte-budget';
import { systemClock } from '../lib/clock';
import { withTimeout } from '../lib/with-timeout';
import { recordEnded } from '../recorder/ended';
import type { KeepingPlace } from '../recorder/logs/log-keeper';
import { redactor, secretsIn } from '../recorder/logs/redactor';
import { Recorder } from '../recorder/recorder';
import { plainLine } from '../report/escape';
import type { DeathReport } from '../report/model';
import { deathReport, isTold } from './deaths';
import type { Log } from './log';
import { secretsOf } from './providers';

const clock = systemClock;

/** Milliseconds for the logs of the last containers, when the benchmark has ended; and when the runner waits for this step to end. */
const FINISH_MS = 30_000;
const FINISH_IN_HASTE_MS = 1_000;

/** What tells this process to end. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** In post, logs get no more than this, and no more than this part of the deadline: removal comes first. */
const MAX_FOR_LOGS = { ms: 30_000, part: 1 / 4 };

/** What is recorded beside the benchmark. */
export interface Recording {
  /** Whether a container that has exited may be removed: its log is where it will be. */
  readonly isRecorded: (container: Resource) => boolean;
  /**
   * The benchmark has ended.
   * @param inHaste the runner waits for this step to end. A signal to this process has the same effect
   * @returns how containers ended meanwhile. Never throws
   */
  readonly finish: (inHaste: boolean) => Promise<readonly DeathReport[]>;
}

/** Begins to record how containers end. Returns when the providers listen, or after some seconds. Never throws. */
export async function startRecording(
  config: Config,
  owned: Selector,
  connections: readonly Connection[],
  log: Log,
): Promise<Recording> {
  const place = placeOf(config, 0);
  const recorders = new Map<string, Recorder>();
  for (const { name, containers: recordable } of connections.filter((found) => found.status === 'ready')) {
    if (recordable) recorders.set(name, new Recorder({ recordable, owned, logs: config.logs, place, clock }));
  }
  const all = [...recorders];
  await Promise.all(all.map(([, recorder]) => recorder.start()));
  return {
    isRecorded: (container) => recorders.get(container.provider)?.isRecorded(container) ?? true,
    async finish(inHaste) {
      const deaths = await untilHaste(inHaste, (signal) => Promise.all(all.map(([, recorder]) => recorder.finish(signal))));
      const troubles = all.flatMap(([name, { trouble }]) => (trouble ? [`${name}: ${trouble.message}`] : []));
      if (troubles.length > 0) log.warning(plainLine(`Deaths may be missing: ${troubles.join('; ')}`), 'Recorder');
      return deaths
        .flat()
        .toSorted((a, b) => a.at - b.at)
        .map(deathReport);
    },
  };
}

/** Gives `work` a signal that aborts when its time is up, which is soon when this process is told to end. */
async function untilHaste<T>(inHaste: boolean, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const end = new AbortController();
  const cancels: (() => void)[] = [];
  const endIn = (ms: number) => cancels.push(clock.after(ms, () => end.abort()));
  const hurry = () => endIn(FINISH_IN_HASTE_MS);
  endIn(inHaste ? FINISH_IN_HASTE_MS : FINISH_MS);
  for (const signal of SIGNALS) process.on(signal, hurry);
  try {
    return await work(end.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, hurry);
    for (const cancel of cancels) cancel();
  }
}

export interface LastLook {
  readonly config: Config;
  /** Whose containers are looked at. */
  readonly owned: Selector;
  /** What main has told. */
  readonly told: readonly DeathReport[];
  /** The end of all. */
  readonly signal: AbortSignal;
}

/**
 * Before all is removed: how the containers ended that main did not watch, or could not be through with, and their logs. Takes no more than
 * a part of the deadline.
 * @returns what main has not told
 * @throws what the provider answers to a listing
 */
export async function recordLast(
  connection: Connection,
  { config, owned, told, signal }: LastLook,
): Promise<readonly DeathReport[]> {
  if (connection.status !== 'ready' || connection.containers === undefined) return [];
  const { containers: recordable } = connection;
  const place = placeOf(config, await bytesOf(told));
  const isRecorded = (end: Parameters<typeof isTold>[1]) => isTold(told, end);
  const deaths = await withTimeout(Math.min(MAX_FOR_LOGS.ms, config.deadline * MAX_FOR_LOGS.part), { clock, signal }, (time) =>
    recordEnded({ recordable, owned, logs: config.logs, place, clock, isRecorded, signal: time }),
  );
  return deaths.map(deathReport);
}

/** @param used bytes of logs that are there already */
function placeOf(config: Config, used: number): KeepingPlace {
  return {
    directory: config.logsPath,
    limit: config.logLimit,
    space: new ByteBudget(config.logsLimit, used),
    redactor: redactor([...secretsIn(process.env), ...secretsOf(config, process.env)]),
  };
}

async function bytesOf(deaths: readonly DeathReport[]): Promise<number> {
  const files = new Set(deaths.flatMap(({ logFile }) => logFile ?? []));
  const sizes = await Promise.all(
    [...files].map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
