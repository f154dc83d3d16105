import { promisify } from 'node:util';
import { parsedJson } from '../lib/json-shape';
import { type RequestHead, valuesOf } from './http-head';
import type { Ask, Rewrite } from './rules';

/** The maximum size of an unpacked body, in bytes: a small one could become huge. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/**
 * Changes a whole body, and keeps its encoding.
 * @returns undefined if it is to be sent unchanged: the server judges what is no JSON
 */
export async function rewritten(request: RequestHead, body: Buffer, rewrite: Rewrite, ask: Ask): Promise<Buffer | undefined> {
  const encoding = valuesOf(request, 'content-encoding').join().toLowerCase();
  try {
    if (encoding === '' || encoding === 'identity') return await change(body, rewrite, ask);
    if (encoding === 'gzip' || encoding === 'x-gzip') return await changePacked(body, rewrite, ask);
    return undefined;
  } catch {
    return undefined; // Unlabelled is better than broken.
  }
}

async function change(json: Buffer, rewrite: Rewrite, ask: Ask): Promise<Buffer | undefined> {
  return parsedJson(json.toString()) === undefined ? undefined : rewrite(json, ask);
}

async function changePacked(body: Buffer, rewrite: Rewrite, ask: Ask): Promise<Buffer | undefined> {
  const { gunzip, gzip } = await import('node:zlib'); // No known client needs it.
  const json = await promisify(gunzip)(body, { maxOutputLength: MAX_UNPACKED_BYTES });
  const changed = await change(json, rewrite, ask);
  return changed && promisify(gzip)(changed);
}
