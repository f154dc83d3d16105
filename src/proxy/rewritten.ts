import { promisify } from 'node:util';
import { type RequestHead, valuesOf } from './http-head';
import type { Ask, Rewrite } from './rules';

/** Bytes of a body once it is unpacked: a small one could become any size. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/**
 * Changes a body that has come whole, in the encoding that it came in.
 * @returns undefined when it is to be sent as it came; the server judges what is no JSON
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
  return isJson(json) ? rewrite(json, ask) : undefined;
}

async function changePacked(body: Buffer, rewrite: Rewrite, ask: Ask): Promise<Buffer | undefined> {
  const { gunzip, gzip } = await import('node:zlib'); // No client is known that packs what it asks: loaded when one does.
  const json = await promisify(gunzip)(body, { maxOutputLength: MAX_UNPACKED_BYTES });
  const changed = await change(json, rewrite, ask);
  return changed && promisify(gzip)(changed);
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
