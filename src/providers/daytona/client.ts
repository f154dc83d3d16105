import { STATUS_CODES } from 'node:http';
import { getProxyForUrl } from 'proxy-from-env';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { type Clock, sleep } from '../../lib/clock';
import { asError } from '../../lib/errors';
import { Unreachable, UnreadableAnswer } from '../../lib/http-errors';
import { forksIn, isUsableId, pageIn, type SandboxInfo, type SandboxPage, sandboxIn } from './answers';
import type { Credentials } from './credentials';
import { AllowanceUsedUp, classify, DaytonaError, UnusableId } from './errors';
import { RateLimits, retryAfterIn } from './rate-limits';

/** The maximum size of a page. */
const PAGE = 200;

const MAX_MESSAGE = 500;

/** Retries of one page: starting again would repeat all pages before it. */
const PAGE_RETRIES = 3;

/** A process has 1,024 file descriptors by default, 256 on macOS. */
const MAX_CONNECTIONS = 100;

/** What a refused request lacks: https://www.daytona.io/docs/en/api-keys/ */
const HINT_403 = {
  GET: 'the key may not see the sandboxes of this organization',
  POST: 'the key lacks write:sandboxes',
  DELETE: 'the key lacks delete:sandboxes',
};

const HINT_401 = 'check daytona-api-key or DAYTONA_API_KEY';

/** Deleted sandboxes whose deletion failed; no other listing shows them. */
const UNDELETED = [
  ['includeErroredDeleted', 'true'],
  ['states', 'error'],
  ['states', 'build_failed'],
] as const;

type Method = keyof typeof HINT_403;

export interface ClientOptions {
  /** The network's HTTP proxy; empty for none. By default that of the environment. */
  readonly proxy?: string;
  /** See `RateLimits`. */
  readonly spare?: number;
}

/**
 * The requests of a removal, sent with undici: Node's fetch ignores proxies unless
 * `NODE_USE_ENV_PROXY` was set before Node's start, and needs twice the memory for ten thousand
 * sandboxes.
 * https://www.daytona.io/docs/en/tools/api
 */
export class DaytonaClient {
  /** Without a final slash: `https://app.daytona.io/api`. */
  readonly url: string;
  readonly #origin: string;
  readonly #basePath: string;
  readonly #token: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #agent: Agent | ProxyAgent;
  readonly #limits: RateLimits;
  /** Requests in flight, by their allowance. */
  readonly #inFlight = { lifecycle: 0, other: 0 };
  #serverAheadMs = 0;

  constructor(
    url: string,
    { token, organizationId }: Omit<Credentials, 'from'>,
    clock: Clock,
    { proxy = getProxyForUrl(url), spare }: ClientOptions = {},
  ) {
    const { origin, pathname } = new URL(url);
    this.url = url;
    this.#origin = origin;
    this.#basePath = pathname === '/' ? '' : pathname;
    this.#token = token;
    this.#headers = {
      accept: 'application/json',
      authorization: `Bearer ${token}`,
      'user-agent': 'cleanup-action',
      ...(organizationId === undefined ? {} : { 'x-daytona-organization-id': organizationId }),
    };
    this.#clock = clock;
    this.#limits = new RateLimits(spare);
    const connections = MAX_CONNECTIONS;
    this.#agent = proxy === '' ? new Agent({ connections }) : new ProxyAgent({ uri: proxy, connections });
  }

  /** Milliseconds by which the server's clock was ahead in its last answer, to a second. */
  get serverAheadMs(): number {
    return this.#serverAheadMs;
  }

  /**
   * Whether few requests to stop or delete are left, enough only for one a sandbox.
   * @param needed unsent requests that can't be left out
   */
  isShortOfRequests(needed: number): boolean {
    return this.#limits.isShort(this.#inFlight.lifecycle + needed, this.#clock.now());
  }

  /**
   * Lists one sandbox.
   * @throws when the API can't be reached, or refuses the key
   */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#page([['limit', '1']], signal);
  }

  /**
   * All sandboxes of the organization. Oldest first: the default order changes during deletion.
   * @param labels only those that carry all of them
   */
  pages(signal: AbortSignal, labels?: Readonly<Record<string, string>>): AsyncGenerator<readonly SandboxInfo[]> {
    return this.#pages(labels === undefined ? [] : [['labels', JSON.stringify(labels)]], signal);
  }

  /** Sandboxes that Daytona accepted to delete and failed to: their ids are not found. */
  async *undeleted(signal: AbortSignal): AsyncGenerator<readonly SandboxInfo[]> {
    for await (const page of this.#pages(UNDELETED, signal)) {
      yield page.filter(({ desiredState }) => desiredState === 'destroyed');
    }
  }

  /** @throws {DaytonaError} 404 when it is gone, even if another sandbox has its id as a name */
  async get(id: string, signal: AbortSignal): Promise<SandboxInfo> {
    const sandbox = sandboxIn(await this.#ask('GET', id, '', signal));
    if (sandbox.id !== id) throw new DaytonaError('GET /sandbox/{id}', 404, 'another sandbox has this id for a name');
    return sandbox;
  }

  /** Answered at once; the sandbox stops in the background. */
  async stop(id: string, force: boolean, signal: AbortSignal): Promise<void> {
    // Only the literal `true` forces.
    await this.#ask('POST', id, `/stop${force ? '?force=true' : ''}`, signal);
  }

  /** Answered at once; the sandbox goes in the background. */
  async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.#ask('DELETE', id, '', signal);
  }

  /** Sets the minutes that it has from now on, whatever it does; 0: no limit. */
  async setTtl(id: string, minutes: number, signal: AbortSignal): Promise<void> {
    await this.#ask('POST', id, `/ttl/${minutes}`, signal);
  }

  /** The existing sandboxes that were forked from it. */
  async forks(id: string, signal: AbortSignal): Promise<readonly SandboxInfo[]> {
    return forksIn(await this.#ask('GET', id, '/forks', signal));
  }

  async *#pages(filter: Query, signal: AbortSignal): AsyncGenerator<readonly SandboxInfo[]> {
    const seen = new Set<string>();
    for (let cursor: string | null = ''; cursor !== null; ) {
      const place: Query = cursor === '' ? [] : [['cursor', cursor]];
      const query: Query = [...filter, ['limit', String(PAGE)], ['sort', 'createdAt'], ['order', 'asc'], ...place];
      const page: SandboxPage = await this.#pageWithRetries(query, cursor === '' ? 0 : PAGE_RETRIES, signal);
      yield page.items;
      cursor = page.nextCursor;
      if (cursor !== null && seen.has(cursor)) throw new UnreadableAnswer('the listing loops: a cursor came twice');
      seen.add(cursor ?? '');
    }
  }

  async #pageWithRetries(query: Query, retries: number, signal: AbortSignal): Promise<SandboxPage> {
    for (let retry = 0; ; retry += 1) {
      try {
        return await this.#page(query, signal);
      } catch (error) {
        const errorClass = classify(error);
        if (errorClass.kind !== 'retryable' || retry >= retries) throw error;
        await sleep(this.#clock, errorClass.retryAfterMs ?? 1_000 * 2 ** retry, signal);
      }
    }
  }

  async #page(query: Query, signal: AbortSignal): Promise<SandboxPage> {
    return pageIn(
      await this.#request('GET', `/sandbox?${new URLSearchParams(query.map(([...pair]) => pair))}`, '/sandbox', signal),
    );
  }

  /** Sends a request about one sandbox. */
  #ask(method: Method, id: string, action: string, signal: AbortSignal): Promise<unknown> {
    if (!isUsableId(id)) throw new UnusableId(`Daytona lists it with the id ${id}, which no request can contain`);
    return this.#request(method, `/sandbox/${id}${action}`, `/sandbox/{id}${action.split('?')[0]}`, signal);
  }

  /**
   * @param shown the path, for people
   * @throws {DaytonaError} for an answer other than success
   * @throws {UnreadableAnswer} for an answer that is cut off, or is not JSON
   * @throws {Unreachable} without an answer
   * @throws {AllowanceUsedUp} instead of sending a request that would be refused
   */
  async #request(method: Method, path: string, shown: string, signal: AbortSignal): Promise<unknown> {
    const use = method === 'DELETE' || path.includes('/stop') ? 'lifecycle' : 'other';
    const wait = this.#limits.waitMs(use === 'lifecycle', this.#inFlight[use], this.#clock.now());
    if (wait > 0) throw new AllowanceUsedUp(wait);
    this.#inFlight[use] += 1;
    try {
      const response = await this.#agent.request({
        origin: this.#origin,
        path: `${this.#basePath}${path}`,
        method,
        headers: this.#headers,
        signal,
      });
      const { text, isWhole } = await bodyOf(response);
      const answer = { method, request: `${method} ${shown}`, status: response.statusCode, headers: headersOf(response), text };
      this.#note(answer);
      if (answer.status >= 300) throw this.#refusal(answer);
      if (!isWhole) throw new UnreadableAnswer(`${answer.request}: the connection ended in the middle of the answer`);
      return parsed(answer);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DaytonaError || error instanceof UnreadableAnswer) throw error;
      throw new Unreachable(this.#origin, asError(error));
    } finally {
      this.#inFlight[use] -= 1;
    }
  }

  #note({ headers }: Answer): void {
    const now = this.#clock.now();
    this.#limits.note(headers, now);
    const serverTime = Date.parse(new Map(headers).get('date') ?? '');
    if (!Number.isNaN(serverTime)) this.#serverAheadMs = serverTime - now;
  }

  #refusal(answer: Answer): Error {
    const { method, request, status, headers, text } = answer;
    const message = messageIn(text);
    // Such a 404 comes from a proxy, a tunnel or another server.
    if (status === 404 && message === undefined) return notJson(answer);
    const said = (message ?? STATUS_CODES[status] ?? '').replaceAll(this.#token, '***').slice(0, MAX_MESSAGE);
    const hint = status === 401 ? HINT_401 : status === 403 ? HINT_403[method] : undefined;
    return new DaytonaError(request, status, said, retryAfterIn(headers, this.#clock.now()), hint);
  }
}

type Query = readonly (readonly [name: string, value: string])[];

/** An answer with its body, as far as it was received. */
interface Answer {
  readonly method: Method;
  /** `GET /sandbox`, for people. */
  readonly request: string;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
}

function headersOf({ headers }: Dispatcher.ResponseData): Answer['headers'] {
  return Object.entries(headers).map(([name, value = '']) => [name, String(value)]);
}

/** Keeps what was received: half the message of a refusal is better than none. */
async function bodyOf({ body }: Dispatcher.ResponseData): Promise<{ readonly text: string; readonly isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  const join = () => Buffer.concat(chunks).toString('utf8');
  try {
    for await (const chunk of body) chunks.push(chunk);
    return { text: join(), isWhole: true };
  } catch {
    return { text: join(), isWhole: false };
  }
}

function parsed(answer: Answer): unknown {
  if (answer.text.trim() === '') return undefined;
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    throw notJson(answer, asError(cause));
  }
}

function notJson({ request, status, headers }: Answer, cause?: Error): UnreadableAnswer {
  const type = new Map(headers).get('content-type')?.split(';')[0] || 'something';
  return new UnreadableAnswer(`${request}: ${status}, but ${type} instead of JSON: is this Daytona’s API?`, { cause });
}

/** The server's message: `{path, timestamp, statusCode, error, message}`, or a list of messages. */
function messageIn(text: string): string | undefined {
  try {
    const { message, error } = JSON.parse(text) as { readonly message?: unknown; readonly error?: unknown };
    const said = Array.isArray(message) ? message.join('; ') : (message ?? error);
    return typeof said === 'string' ? said : undefined;
  } catch {
    return undefined; // A proxy's page: the status says more.
  }
}
