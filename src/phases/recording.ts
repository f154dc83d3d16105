import type { Config } from '../config/config';
import type { Connection } from '../core/connection';
import type { Resource } from '../core/resource';
import type { Selector } from '../core/selector';
import { ByteBudget } from '../lib/byte-budget';
import type { Clock } from '../lib/clock';
import { withTimeout } from '../lib/deadline';
import type { Environment } from '../lib/environment';
import type { ShutdownSignals } from '../lib/shutdown-signals';
import { bytesOf } from '../lib/small-file';
import { recordEnded } from '../recorder/ended';
import type { KeepingPlace } from '../recorder/logs/log-keeper';
import { redactor, secretsIn } from '../recorder/logs/redactor';
import { Recorder } from '../recorder/recorder';
import { plainLine } from '../report/escape';
import type { DeathReport } from '../report/model';
import { deathReport, isReported } from './deaths';
import type { Log } from './log';
import { type ProviderSettings, secretsOf } from './providers';

/** Milliseconds for the last logs after the benchmark's end, and after a signal to this process. */
const FINISH_MS = 30_000;
const FINISH_IN_HASTE_MS = 1_000;

/** In post, logs get at most this time and this part of the deadline: removal comes first. */
const MAX_FOR_LOGS = { ms: 30_000, part: 1 / 4 };

type RecordingSettings = ProviderSettings & Pick<Config, 'logs' | 'logsPath' | 'logLimit' | 'logsLimit'>;

/** What both ways to record need. */
interface Surroundings {
  readonly config: RecordingSettings;
  /** Whose containers are recorded. */
  readonly owned: Selector;
  /** Of this process: the secrets in it are redacted. */
  readonly env: Environment;
  readonly clock: Clock;
}

export interface RecordingOptions extends Surroundings {
  /** The signals to this process: after one of them little time is left. */
  readonly signals: Pick<ShutdownSignals, 'listen'>;
  readonly connections: readonly Connection[];
  readonly log: Log;
}

/** A recorder for each provider, beside the benchmark. */
export interface Recording {
  /** Whether a container that has exited may be removed: its log is in its place. */
  readonly isRecorded: (container: Resource) => boolean;
  /**
   * A container, by name or id, is about to start.
   * @returns when it may. Never throws
   */
  readonly prepare: (container: string) => Promise<void>;
  /**
   * The benchmark has ended.
   * @param inHaste the runner waits for this step to end. A signal to this process has the same
   *   effect
   * @returns how containers ended meanwhile. Never throws
   */
  readonly finish: (inHaste: boolean) => Promise<readonly DeathReport[]>;
}

/**
 * Begins to record how containers end. Returns when the providers listen, or after some seconds.
 * Never throws.
 */
export async function startRecording({ connections, signals, log, ...options }: RecordingOptions): Promise<Recording> {
  const { config, owned, clock } = options;
  const place = placeOf(options, 0);
  const recorders = new Map<string, Recorder>();
  for (const { name, containers: source } of connections.filter((found) => found.status === 'ready')) {
    if (source) recorders.set(name, new Recorder({ source, owned, logs: config.logs, place, clock }));
  }
  const all = [...recorders];
  await Promise.all(all.map(([, recorder]) => recorder.start()));
  return {
    isRecorded: (container) => recorders.get(container.provider)?.isRecorded(container) ?? true,
    async prepare(container) {
      await Promise.all(all.map(([, recorder]) => recorder.prepare(container)));
    },
    async finish(inHaste) {
      const finishAll = (signal: AbortSignal) => Promise.all(all.map(([, recorder]) => recorder.finish(signal)));
      const deaths = await untilHaste(inHaste, { clock, signals }, finishAll);
      const troubles = all.flatMap(([name, { trouble }]) => (trouble ? [`${name}: ${trouble.message}`] : []));
      if (troubles.length > 0) log.warning(plainLine(`Deaths may be missing: ${troubles.join('; ')}`), 'Recorder');
      return deaths
        .flat()
        .toSorted((a, b) => a.at - b.at)
        .map((death) => deathReport(death, place.redactor));
    },
  };
}

/** Gives `work` a signal that aborts when time is up: soon after a signal to this process. */
async function untilHaste<T>(
  inHaste: boolean,
  { clock, signals }: Pick<RecordingOptions, 'clock' | 'signals'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const cancels: (() => void)[] = [];
  const endIn = (ms: number) => cancels.push(clock.after(ms, () => end.abort()));
  endIn(inHaste ? FINISH_IN_HASTE_MS : FINISH_MS);
  const forget = signals.listen(() => endIn(FINISH_IN_HASTE_MS));
  try {
    return await work(end.signal);
  } finally {
    forget();
    for (const cancel of cancels) cancel();
  }
}

export interface LastRecording extends Surroundings {
  readonly config: RecordingSettings & Pick<Config, 'deadline'>;
  /** The deaths that main has reported. */
  readonly known: readonly DeathReport[];
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
}

/**
 * Records, before the removal, deaths that main did not watch or had no time for. Takes no more
 * than a part of the deadline.
 * @returns the deaths that main has not reported
 * @throws what the provider answers to a listing
 */
export async function recordLast(connection: Connection, options: LastRecording): Promise<readonly DeathReport[]> {
  if (connection.status !== 'ready' || connection.containers === undefined) return [];
  const { config, owned, known, signal, clock } = options;
  const kept = new Set(known.flatMap(({ logFile }) => logFile ?? []));
  const place = placeOf(options, await bytesOf([...kept]));
  const shared = { source: connection.containers, owned, logs: config.logs, place, clock };
  const ms = Math.min(MAX_FOR_LOGS.ms, config.deadline * MAX_FOR_LOGS.part);
  const deaths = await withTimeout(ms, { clock, signal }, (time) =>
    recordEnded({ ...shared, isRecorded: (end) => isReported(known, end), signal: time }),
  );
  return deaths.map((death) => deathReport(death, place.redactor));
}

/** @param used bytes of the logs that main kept */
function placeOf({ config, env }: Surroundings, used: number): KeepingPlace {
  return {
    directory: config.logsPath,
    limit: config.logLimit,
    space: new ByteBudget(config.logsLimit, used),
    redactor: redactor([...secretsIn(env), ...secretsOf(config, env)]),
  };
}
