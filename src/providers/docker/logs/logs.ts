import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type Docker from 'dockerode';
import { IncompleteLog, type LogChunk, type LogStream } from '../../../core/container-source';
import { asError } from '../../../lib/errors';
import { BrokenAnswer } from '../connection/answers';
import { openStream } from '../connection/stream';
import { hasStatus } from '../errors';
import { LogDemuxer, type Stamps } from './demux';
import { GAP, Joint } from './joint';
import { continued, LiveStream } from './live-stream';

const BOTH_STREAMS = { stdout: '1', stderr: '1' } as const;
const WITH_TIMES = { ...BOTH_STREAMS, timestamps: '1' } as const;

/** Milliseconds until a log in which there is nothing is asked for again, while the engine does not say what comes. */
const ASK_AGAIN_MS = 100;

/** Before what may come twice. */
export const TWICE = '[cleanup-action: from here on as it was heard while it was written; some lines before may come again]\n';

/**
 * What is there of a log.
 * @param lines so many of its last lines at most
 */
export async function readLog(docker: Docker, id: string, lines: number | 'all', signal: AbortSignal): Promise<LogStream> {
  const query = { ...WITH_TIMES, tail: String(lines) };
  return piecesOf(await openStream(docker, { method: 'GET', path: `/containers/${id}/logs`, query }, signal), 'theirs');
}

/** A log from now on, with what there is. Of a container that does not run, it is what there is. */
async function openLog(docker: Docker, id: string, signal: AbortSignal): Promise<LogStream> {
  const query = { ...WITH_TIMES, follow: '1' };
  return piecesOf(await openStream(docker, { method: 'GET', path: `/containers/${id}/logs`, query }, signal), 'theirs');
}

/** What a container writes from now on, until it ends; also of one that does not run yet. Must be read, or the container has to wait. */
async function attach(docker: Docker, id: string, signal: AbortSignal): Promise<LogStream> {
  const query = { ...BOTH_STREAMS, stream: '1' };
  const stream = await openStream(docker, { method: 'POST', path: `/containers/${id}/attach`, query }, signal);
  return piecesOf(stream, () => new Date().toISOString());
}

/**
 * The log of a container from its beginning until it ends. It may have been created just now, and be running, or have ended, before this
 * request gets to it. While a container is being started the engine answers nobody about it; so it is asked for both ways at once:
 *
 * - its log, which can be followed when it runs. If there is any, it begins with the container, and has its times;
 * - what it writes from now on. Where it has not started even after the engine has agreed to that, nothing of it is missed.
 *
 * (One request can do both, `attach` with `logs`. But then lines come twice; and where a container has no log, the engine looks for a
 * plugin of the name `none` for 15 s, in which no container can be created.)
 */
export function followLog(docker: Docker, id: string, phase: 'waiting' | 'running', signal: AbortSignal): LogStream {
  return joined(
    (time) => attach(docker, id, time),
    (time) => openLog(docker, id, time),
    phase,
    signal,
  );
}

/**
 * The same on Podman. A log that is followed there has gaps (https://github.com/containers/podman/issues/21914): so it is read once, when
 * what comes after is being heard. What comes in between comes twice.
 */
export function followLogOnPodman(docker: Docker, id: string, signal: AbortSignal): LogStream {
  return readThenHeard(
    (time) => attach(docker, id, time),
    (time) => readLog(docker, id, 'all', time),
    signal,
  );
}

type Open = (signal: AbortSignal) => Promise<LogStream>;

/** Exported for tests: the log where there is something in it, and what comes. */
export function joined(openLive: Open, openLog: Open, phase: 'waiting' | 'running', signal: AbortSignal): LogStream {
  return whileOpen(signal, async function* (time) {
    const live = new LiveStream(openLive(time));
    try {
      const { log, isSure } = await whatThereIs(openLog, live, time);
      if (log) yield* join(log, live);
      else yield* after(new Joint(), live, phase === 'running' && !isSure ? new IncompleteLog() : undefined);
    } finally {
      live.forget();
    }
  });
}

/** @returns no log where there is nothing in it, or none; whether that is sure */
async function whatThereIs(
  openLog: Open,
  live: LiveStream,
  signal: AbortSignal,
): Promise<{ readonly log: LogStream | undefined; readonly isSure: boolean }> {
  for (;;) {
    // Only what is asked after the engine agreed is sure: it may start between a question and its answer.
    const isSure = live.hasBegun;
    const log = await begun(openLog, signal);
    if (typeof log !== 'string') return { log, isSure };
    if (log === 'none' || isSure) return { log: undefined, isSure };
    await Promise.race([live.begun, setTimeout(ASK_AGAIN_MS, undefined, { signal })]).catch(() => undefined);
  }
}

async function* join(log: LogStream, live: LiveStream): AsyncGenerator<readonly LogChunk[]> {
  const joint = new Joint();
  const logBroken = yield* told(log, joint);
  // What broke off before the log ended can say nothing of its end.
  const wasBroken = live.broken !== undefined;
  const liveBroken = yield* heard(live, joint);
  if (logBroken || !wasBroken) yield joint.end();
  if (joint.isGap) throw new IncompleteLog();
  // dockerd forgets now and then to end what is heard: where the log had all of it, nothing is missing.
  if (liveBroken && (logBroken || (!wasBroken && joint.hasNews))) throw liveBroken;
}

/** @returns what it broke off with */
async function* told(log: LogStream, joint: Joint): AsyncGenerator<readonly LogChunk[], Error | undefined> {
  try {
    for await (const pieces of log) {
      joint.tell(pieces);
      yield pieces;
    }
    return undefined;
  } catch (error) {
    return asError(error);
  }
}

/** @returns what it broke off with */
async function* heard(live: LiveStream, joint: Joint): AsyncGenerator<readonly LogChunk[], Error | undefined> {
  try {
    for await (const pieces of live.taken()) yield joint.hear(pieces);
    return undefined;
  } catch (error) {
    return asError(error);
  }
}

/** Exported for tests: what the log has when it can be heard what comes, then that. */
export function readThenHeard(openLive: Open, readLog: Open, signal: AbortSignal): LogStream {
  return whileOpen(signal, async function* (time) {
    const live = new LiveStream(openLive(time));
    try {
      await live.begun;
      const hasEnded = live.broken !== undefined && hasStatus(live.broken, 409);
      if (live.broken && !hasEnded) throw live.broken;
      const joint = new Joint();
      const missed = yield* told(opened(readLog(time)), joint);
      if (!hasEnded) yield* after(joint, live, missed);
      else if (missed) throw missed;
    } finally {
      live.forget();
    }
  });
}

async function* opened(log: Promise<LogStream>): AsyncGenerator<readonly LogChunk[]> {
  yield* await log;
}

/** @param missed why what was written before is not all there */
async function* after(joint: Joint, live: LiveStream, missed: Error | undefined): AsyncGenerator<readonly LogChunk[]> {
  const isGap = missed !== undefined || live.isCut;
  const line = isGap || joint.hasTold ? joint.line(isGap ? GAP : TWICE) : [];
  let hasHeard = false;
  for await (const pieces of live.taken()) {
    if (pieces.length === 0) continue;
    if (!hasHeard) yield line;
    hasHeard = true;
    yield pieces;
  }
  if (missed && !hasHeard) throw missed;
  if (isGap) throw new IncompleteLog();
}

/** Closes all connections when nobody takes any more of what they bring. */
async function* whileOpen(
  signal: AbortSignal,
  pieces: (signal: AbortSignal) => AsyncGenerator<readonly LogChunk[]>,
): AsyncGenerator<readonly LogChunk[]> {
  const connections = new AbortController();
  const close = () => connections.abort(signal.reason);
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  try {
    yield* pieces(connections.signal);
  } finally {
    connections.abort();
    signal.removeEventListener('abort', close);
  }
}

/** A log in which there is something, from its beginning. Never throws: what was heard is there, whatever becomes of the log. */
async function begun(open: Open, signal: AbortSignal): Promise<LogStream | 'empty' | 'none'> {
  try {
    const log = (await open(signal))[Symbol.asyncIterator]();
    const first = await log.next();
    return first.done === true ? 'empty' : continued(first.value, log);
  } catch {
    return 'none';
  }
}

async function* piecesOf(stream: Readable, stamps: Stamps): AsyncGenerator<readonly LogChunk[]> {
  const parser = new LogDemuxer(stamps);
  for await (const chunk of stream) {
    const pieces = parser.pieces(chunk);
    const excuse = excuseIn(pieces);
    if (excuse !== undefined) throw new BrokenAnswer(excuse);
    if (pieces.length > 0) yield pieces;
  }
}

/** Podman notices that a container is gone when it has said 200 already, and sends its error as if it were the log: without a time. */
function excuseIn([piece]: readonly LogChunk[]): string | undefined {
  if (piece === undefined || piece.at !== '') return undefined;
  const text = Buffer.from(piece.bytes).toString();
  return /^\{"cause":.*"message":"(.*)","response":5\d\d\}\s*$/s.exec(text)?.[1];
}
