import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { LogChunk, LogStream } from '../../../core/container-source';
import type { Clock } from '../../../lib/clock';
import { BrokenAnswer, openStream } from '../connection/http';
import { LogDemuxer, type Stamps } from './demux';

const BOTH_STREAMS = { stdout: '1', stderr: '1' } as const;

/**
 * Reads the log as it is now.
 * @param lines the maximum number, counted from the end
 */
export async function readLog(docker: Docker, id: string, lines: number | 'all', signal: AbortSignal): Promise<LogStream> {
  const query = { ...BOTH_STREAMS, timestamps: '1', tail: String(lines) };
  return chunksOf(await openStream(docker, { method: 'GET', path: `/containers/${id}/logs`, query }, signal), 'theirs');
}

/** Streams a container's output until it ends, with times of arrival: `ContainerSource.attach`. */
export async function attach(docker: Docker, id: string, clock: Clock, signal: AbortSignal): Promise<LogStream> {
  const query = { ...BOTH_STREAMS, stream: '1' };
  const stream = await openStream(docker, { method: 'POST', path: `/containers/${id}/attach`, query }, signal);
  return chunksOf(stream, () => new Date(clock.now()).toISOString());
}

async function* chunksOf(stream: Readable, stamps: Stamps): AsyncGenerator<readonly LogChunk[]> {
  const demuxer = new LogDemuxer(stamps);
  for await (const bytes of stream) {
    const chunks = demuxer.chunks(bytes);
    const error = podmanErrorIn(chunks);
    if (error !== undefined) throw new BrokenAnswer(error);
    if (chunks.length > 0) yield chunks;
  }
}

/** After a 200, Podman sends "no such container" as if it were the log, but without a time. */
function podmanErrorIn([chunk]: readonly LogChunk[]): string | undefined {
  if (chunk === undefined || chunk.at !== '') return undefined;
  const text = Buffer.from(chunk.bytes).toString();
  return /^\{"cause":.*"message":"(.*)","response":5\d\d\}\s*$/s.exec(text)?.[1];
}
