import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Readable } from 'node:stream';
import { untilAborted } from '../../lib/abort';
import type { Clock } from '../../lib/clock';
import { asError } from '../../lib/errors';
import { Unreachable, UnreadableAnswer } from '../../lib/http-errors';
import { type Json, object, parsedJson, text } from '../../lib/json-shape';
import { linesOf } from '../../lib/lines';
import { parseRetryAfter } from '../../reaper/retry';
import { hasStatus, KubernetesError } from './errors';
import type { Cluster } from './kubeconfig';

/** One request to the API. */
export interface Ask {
  readonly method?: 'GET' | 'DELETE' | 'POST';
  /** From the server's root: `/api/v1/namespaces/x/pods`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** Default: JSON. */
  readonly accept?: string;
  /** Milliseconds without a byte after which an answer that goes on counts as broken. Default: it may be silent. */
  readonly silenceMs?: number;
  /** Names the request in errors, without foreign text: `DELETE pods`. */
  readonly what: string;
}

/** Objects a page. Pods have some kilobytes each. */
const PAGE = 500;

/** How often a list begins anew because its state was too old to go on. */
const MAX_RESTARTS = 5;

/** Connections at a time, without watches and logs. */
const MAX_SOCKETS = 32;

/** Milliseconds until the system asks whether a silent connection still exists: what stands between may have forgotten it. */
const KEEP_ALIVE_MS = 30_000;

/** Characters of the server's message. */
const MAX_MESSAGE = 400;

/** A part of each object, in lists of kinds of which nothing else is needed: less than half the bytes. */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** The API of one cluster. Redirects are never followed: credentials would go elsewhere. */
export class KubernetesClient {
  readonly cluster: Cluster;
  readonly #clock: Clock;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  #serverAheadMs = 0;

  constructor(cluster: Cluster, clock: Clock) {
    this.cluster = cluster;
    this.#clock = clock;
  }

  /** Milliseconds that the server's clock is ahead of ours, by its last answer; within a second. */
  get serverAheadMs(): number {
    return this.#serverAheadMs;
  }

  /**
   * Asks for JSON.
   * @throws {KubernetesError} for an answer other than success
   */
  async ask(ask: Ask, signal: AbortSignal): Promise<Json> {
    const answer = parsedJson(await this.text(ask, signal));
    if (typeof answer !== 'object' || answer === null) throw new UnreadableAnswer(`${ask.what}: the answer is not JSON`);
    return object(answer);
  }

  /** Asks for text. */
  async text(ask: Ask, signal: AbortSignal): Promise<string> {
    return bodyOf(await this.#open(ask, signal), this.cluster.server);
  }

  /**
   * The lines of an answer that goes on: a watch, a log. Ends when the server closes it; throws while it is read when it breaks
   * off.
   */
  async lines(ask: Ask, signal: AbortSignal): Promise<AsyncIterable<string>> {
    return linesOf(await this.#open(ask, signal, true));
  }

  /** The bytes of an answer that goes on. */
  stream(ask: Ask, signal: AbortSignal): Promise<Readable> {
    return this.#open(ask, signal, true);
  }

  /** Lists all objects, page by page. Begins anew when the state of the first page is too old to go on. */
  async list(ask: Ask, signal: AbortSignal): Promise<{ readonly items: readonly Json[]; readonly resourceVersion: string }> {
    for (let restarts = 0; ; restarts += 1) {
      try {
        return await this.#pages(ask, signal);
      } catch (error) {
        if (!hasStatus(error, 410) || restarts >= MAX_RESTARTS) throw error;
      }
    }
  }

  async #pages(ask: Ask, signal: AbortSignal): Promise<{ readonly items: readonly Json[]; readonly resourceVersion: string }> {
    const items: Json[] = [];
    for (let token: string | undefined = ''; ; ) {
      const query = { ...ask.query, limit: String(PAGE), ...(token === '' ? {} : { continue: token }) };
      const page = await this.ask({ ...ask, query }, signal);
      // An empty list may have null.
      const found = page['items'] ?? [];
      if (!Array.isArray(found) || !isList(page)) throw new UnreadableAnswer(`${ask.what}: the answer is not a list`);
      for (const item of found) items.push(object(item));
      const metadata = object(page['metadata']);
      token = text(metadata['continue']);
      if (token === undefined) return { items, resourceVersion: text(metadata['resourceVersion']) ?? '' };
    }
  }

  /** @returns the answer, whose status is a success */
  async #open(ask: Ask, signal: AbortSignal, goesOn = false): Promise<IncomingMessage> {
    const answer = await this.#send(ask, signal, goesOn);
    const ahead = Date.parse(answer.headers.date ?? '') - this.#clock.now();
    if (!Number.isNaN(ahead)) this.#serverAheadMs = Math.abs(ahead) < 1_500 ? 0 : ahead;
    if (answer.statusCode === undefined || answer.statusCode >= 300) throw await this.#errorIn(answer, ask.what);
    const { silenceMs, what } = ask;
    if (silenceMs !== undefined) {
      answer.setTimeout(silenceMs, () => answer.destroy(new Error(`${what}: nothing came for ${silenceMs / 1000} s`)));
    }
    return answer;
  }

  async #send({ method = 'GET', path, query = {}, body, accept, what }: Ask, signal: AbortSignal, goesOn: boolean) {
    const { cluster } = this;
    const url = new URL(`${cluster.server}${path}`);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const options: RequestOptions = { method, signal, headers: { accept: accept ?? 'application/json' } };
    // A program that tells the credentials may take its time.
    await untilAborted(cluster.authenticate(options), signal);
    // Kubernetes' client makes an agent that connects anew for each request: ours keeps connections.
    if (!cluster.hasProxy && url.protocol === 'https:') options.agent = goesOn ? new Agent() : this.#agent;
    const json = body === undefined ? undefined : JSON.stringify(body);
    if (json !== undefined) {
      options.headers = { ...options.headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
    }
    return new Promise<IncomingMessage>((resolve, reject) => {
      const failed = (error: Error) => reject(signal.aborted ? signal.reason : new Unreachable(cluster.server, error));
      let sent: ClientRequest;
      try {
        sent = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
      } catch (error) {
        return reject(new Error(`${what}: ${asError(error).message}`, { cause: error }));
      }
      if (goesOn) sent.setSocketKeepAlive(true, KEEP_ALIVE_MS);
      sent.on('error', failed).end(json);
    });
  }

  async #errorIn(answer: IncomingMessage, what: string): Promise<KubernetesError> {
    const body = await bodyOf(answer, this.cluster.server).catch(() => '');
    const status = object(parsedJson(body));
    const isStatus = status['kind'] === 'Status';
    const says = (isStatus ? text(status['message']) : undefined) ?? body.trim();
    const seconds = isStatus ? object(status['details'])['retryAfterSeconds'] : undefined;
    const retryAfterMs =
      parseRetryAfter(answer.headers['retry-after'], this.#clock.now()) ??
      (typeof seconds === 'number' ? seconds * 1000 : undefined);
    const reason = isStatus ? text(status['reason']) : undefined;
    return new KubernetesError(what, answer.statusCode ?? 0, shortened(says || (answer.statusMessage ?? '')), {
      ...(reason === undefined ? {} : { reason }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

function isList({ kind }: Json): boolean {
  return text(kind)?.endsWith('List') === true;
}

/** In one line. */
function shortened(message: string): string {
  const line = message.replace(/\s+/g, ' ');
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}

/** @throws {Unreachable} when it breaks off */
async function bodyOf(answer: IncomingMessage, server: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk);
  } catch (error) {
    throw new Unreachable(server, asError(error));
  }
  return Buffer.concat(chunks).toString('utf8');
}
