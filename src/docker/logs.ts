import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { LogPiece, LogStream } from '../reaper/recordable';
import { BadAnswer } from './answers';
import { LogParser, type Stamps } from './frames';
import { openStream } from './stream';

const BOTH_STREAMS = { stdout: '1', stderr: '1' } as const;
const WITH_TIMES = { ...BOTH_STREAMS, timestamps: '1' } as const;

/**
 * What is there of a log.
 * @param lines so many of its last lines at most
 */
export async function readLog(docker: Docker, id: string, lines: number | 'all', signal: AbortSignal): Promise<LogStream> {
  const query = { ...WITH_TIMES, tail: String(lines) };
  return piecesOf(await openStream(docker, { method: 'GET', path: `/containers/${id}/logs`, query }, signal), 'theirs');
}

/** The log of a container that runs, until it ends. Of one that does not run, it is what is there. */
export async function followLog(docker: Docker, id: string, signal: AbortSignal): Promise<LogStream> {
  const query = { ...WITH_TIMES, follow: '1' };
  return piecesOf(await openStream(docker, { method: 'GET', path: `/containers/${id}/logs`, query }, signal), 'theirs');
}

/** What a container writes from now on, until it ends; also of one that does not run yet. */
async function attach(docker: Docker, id: string, signal: AbortSignal): Promise<LogStream> {
  const query = { ...BOTH_STREAMS, stream: '1' };
  const stream = await openStream(docker, { method: 'POST', path: `/containers/${id}/attach`, query }, signal);
  return piecesOf(stream, () => new Date().toISOString());
}

/**
 * The log of a container that was just created, and may be running, or have ended, before this request gets to it. While a container is
 * being started the engine answers nobody about it; so it is asked for both ways at once:
 *
 * - its log, which can be followed when it runs. If there is any, that is all of it, with its times;
 * - what it writes from now on. Where it has not started even after the engine has agreed to that, nothing of it is missed.
 *
 * (One request can do both, `attach` with `logs`. But then lines come twice; and where a container has no log, the engine looks for a
 * plugin of the name `none` for 15 s, in which no container can be created.)
 */
export function logFromStart(docker: Docker, id: string, signal: AbortSignal): LogStream {
  return eitherOf(
    (time) => attach(docker, id, time),
    (time) => followLog(docker, id, time),
    signal,
  );
}

type Open = (signal: AbortSignal) => Promise<LogStream>;

/** Exported for tests: the log where there is something in it, else what comes. */
export async function* eitherOf(openLive: Open, openLog: Open, signal: AbortSignal): AsyncGenerator<readonly LogPiece[]> {
  const part = new AbortController();
  const end = () => part.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    const live = watched(openLive(part.signal));
    for (;;) {
      // Only what is asked after the engine agreed is sure: it may start between a question and its answer.
      const isSure = live.isSettled();
      const log = await begun(openLog, signal);
      if (log !== 'empty' && log !== 'none') {
        part.abort();
        yield* log;
        return;
      }
      if (isSure || log === 'none') break;
    }
    yield* await live.stream;
  } finally {
    part.abort();
    signal.removeEventListener('abort', end);
  }
}

/** A log in which there is something, from its beginning. */
async function begun(open: Open, signal: AbortSignal): Promise<LogStream | 'empty' | 'none'> {
  try {
    const log = (await open(signal))[Symbol.asyncIterator]();
    const first = await log.next();
    return first.done === true ? 'empty' : continued(first.value, log);
  } catch (error) {
    if (signal.aborted) throw error;
    return 'none';
  }
}

async function* continued(
  first: readonly LogPiece[],
  rest: AsyncIterator<readonly LogPiece[]>,
): AsyncGenerator<readonly LogPiece[]> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

interface Watched {
  readonly stream: Promise<LogStream>;
  readonly isSettled: () => boolean;
}

function watched(stream: Promise<LogStream>): Watched {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  stream.then(settle, settle); // An error that comes before anybody waits for it is nobody's fault.
  return { stream, isSettled: () => isSettled };
}

async function* piecesOf(stream: Readable, stamps: Stamps): AsyncGenerator<readonly LogPiece[]> {
  const parser = new LogParser(stamps);
  for await (const chunk of stream) {
    const pieces = parser.pieces(chunk);
    const excuse = excuseIn(pieces);
    if (excuse !== undefined) throw new BadAnswer(excuse);
    if (pieces.length > 0) yield pieces;
  }
}

/** Podman notices that a container is gone when it has said 200 already, and sends its error as if it were the log: without a time. */
function excuseIn([piece]: readonly LogPiece[]): string | undefined {
  if (piece === undefined || piece.at !== '') return undefined;
  const text = Buffer.from(piece.bytes).toString();
  return /^\{"cause":.*"message":"(.*)","response":5\d\d\}\s*$/s.exec(text)?.[1];
}
