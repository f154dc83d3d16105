import { STATUS_CODES } from 'node:http';
import type { ListSandboxesResponse, Sandbox, SandboxListItem } from '@daytona/api-client';
import { getProxyForUrl } from 'proxy-from-env';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { type Clock, sleep } from '../../lib/clock';
import { asError } from '../../lib/errors';
import type { Credentials } from './credentials';
import { AllowanceUsedUp, classify, DaytonaError, DaytonaUnreachable, UnreadableAnswer } from './errors';
import { RateLimits, retryAfterIn } from './rate-limits';

/** The most that one page of a listing may hold. */
const PAGE = 200;

/** Of a server's message, no more than this is shown. */
const MAX_MESSAGE = 500;

/** Characters of an id that need no escaping, in a path or in a command. `..` would be another path. */
const ID = /^(?!\.+$)[\w.-]+$/;

/** A page that could not be had is asked for again so often: starting anew would cost all pages before it. */
const PAGE_RETRIES = 3;

/**
 * The five calls that a removal takes, over undici, which is what is below Node's own fetch: that has no way to a proxy unless
 * `NODE_USE_ENV_PROXY` was set before Node started, and makes so much garbage that ten thousand sandboxes took twice the memory.
 * https://www.daytona.io/docs/en/tools/api
 */
export class DaytonaClient {
  /** Without a slash at the end: `https://app.daytona.io/api`. */
  readonly url: string;
  readonly #origin: string;
  readonly #basePath: string;
  readonly #token: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #agent: Agent | ProxyAgent;
  readonly #limits = new RateLimits();
  /** By what they count as: what changes a sandbox's life, and all else. */
  readonly #inFlight = { lifecycle: 0, other: 0 };

  constructor(url: string, { token, organizationId }: Credentials, clock: Clock) {
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
    const proxy = getProxyForUrl(url);
    this.#agent = proxy === '' ? new Agent() : new ProxyAgent(proxy);
  }

  /** Asks for next to nothing. @throws when the API can't be reached, or refuses the key */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#page({ limit: '1' }, signal);
  }

  /**
   * All sandboxes of the organization, page by page. Oldest first: the default order moves under a reader's feet while sandboxes go.
   */
  async *pages(signal: AbortSignal): AsyncGenerator<readonly SandboxListItem[]> {
    const seen = new Set<string>();
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = { limit: String(PAGE), sort: 'createdAt', order: 'asc', ...(cursor ? { cursor } : {}) };
      const page: ListSandboxesResponse = await this.#pageOf(query, cursor === '' ? 0 : PAGE_RETRIES, signal);
      yield page.items;
      cursor = page.nextCursor || null;
      if (cursor !== null && seen.has(cursor)) throw new UnreadableAnswer('the listing goes in circles: its cursor came twice');
      seen.add(cursor ?? '');
    }
  }

  async get(id: string, signal: AbortSignal): Promise<Sandbox> {
    const sandbox = await this.#ask('GET', `/sandbox/${segment(id)}`, signal);
    if (!isSandbox(sandbox)) throw new UnreadableAnswer('the answer is no sandbox');
    return sandbox as Sandbox;
  }

  /** Answers at once; the sandbox stops in the background. */
  async stop(id: string, force: boolean, signal: AbortSignal): Promise<void> {
    // Nothing but the literal `true` forces.
    await this.#ask('POST', `/sandbox/${segment(id)}/stop${force ? '?force=true' : ''}`, signal);
  }

  /** Answers at once; the sandbox goes in the background. */
  async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.#ask('DELETE', `/sandbox/${segment(id)}`, signal);
  }

  /** The sandboxes that were forked from it, and are still there. */
  async forks(id: string, signal: AbortSignal): Promise<readonly Pick<Sandbox, 'id' | 'name' | 'state' | 'desiredState'>[]> {
    const forks = await this.#ask('GET', `/sandbox/${segment(id)}/forks`, signal);
    if (!Array.isArray(forks) || !forks.every(isSandbox)) throw new UnreadableAnswer('the answer is no list of forks');
    return forks as Sandbox[];
  }

  async #pageOf(query: Readonly<Record<string, string>>, retries: number, signal: AbortSignal): Promise<ListSandboxesResponse> {
    for (let retry = 0; ; retry += 1) {
      try {
        return await this.#page(query, signal);
      } catch (error) {
        const verdict = classify(error);
        if (verdict.kind !== 'retryable' || retry >= retries) throw error;
        await sleep(this.#clock, verdict.retryAfterMs ?? 1_000 * 2 ** retry, signal);
      }
    }
  }

  async #page(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ListSandboxesResponse> {
    const answer = await this.#ask('GET', `/sandbox?${new URLSearchParams(query)}`, signal);
    // Older servers of one's own know no pages.
    const page = Array.isArray(answer) ? { items: answer, nextCursor: null } : (answer as ListSandboxesResponse | null);
    if (!Array.isArray(page?.items) || !page.items.every(isSandbox))
      throw new UnreadableAnswer('the answer is no list of sandboxes');
    return page;
  }

  /**
   * @throws {DaytonaError} for an answer that is no success
   * @throws {DaytonaUnreachable} without any
   * @throws {AllowanceUsedUp} before the request is made, when it would be refused
   */
  async #ask(method: 'GET' | 'POST' | 'DELETE', path: string, signal: AbortSignal): Promise<unknown> {
    const use = method === 'GET' ? 'other' : 'lifecycle';
    const wait = this.#limits.waitMs(use === 'lifecycle', this.#inFlight[use], this.#clock.now());
    if (wait > 0) throw new AllowanceUsedUp(wait);
    const request = `${method} ${path.split('?')[0]}`;
    this.#inFlight[use] += 1;
    try {
      const response = await this.#agent.request({
        origin: this.#origin,
        path: `${this.#basePath}${path}`,
        method,
        headers: this.#headers,
        signal,
      });
      const { text, readAll } = await body(response);
      const answer = { request, status: response.statusCode, headers: headersOf(response), text };
      this.#limits.heard(answer.headers, this.#clock.now());
      if (answer.status >= 300) throw this.#refusal(answer);
      if (!readAll) throw new UnreadableAnswer(`${request}: the connection ended in the middle of the answer`);
      return parsed(answer);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DaytonaError || error instanceof UnreadableAnswer) throw error;
      throw new DaytonaUnreachable(this.#origin, asError(error));
    } finally {
      this.#inFlight[use] -= 1;
    }
  }

  #refusal({ request, status, headers, text }: Answer): DaytonaError {
    const message = messageIn(text) ?? STATUS_CODES[status] ?? '';
    const said = message.replaceAll(this.#token, '***').slice(0, MAX_MESSAGE);
    return new DaytonaError(request, status, said, retryAfterIn(headers, this.#clock.now()));
  }
}

/** An answer whose body has been read as far as it came. */
interface Answer {
  /** `GET /sandbox`, for people. */
  readonly request: string;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
}

function headersOf({ headers }: Dispatcher.ResponseData): Answer['headers'] {
  return Object.entries(headers).map(([name, value = '']) => [name, String(value)]);
}

/** What came of the body: of a refusal, half a message is better than none. */
async function body({ body }: Dispatcher.ResponseData): Promise<{ readonly text: string; readonly readAll: boolean }> {
  const chunks: Uint8Array[] = [];
  const join = () => Buffer.concat(chunks).toString('utf8');
  try {
    for await (const chunk of body) chunks.push(chunk);
    return { text: join(), readAll: true };
  } catch {
    return { text: join(), readAll: false };
  }
}

function parsed({ request, status, headers, text }: Answer): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const type = new Map(headers).get('content-type')?.split(';')[0] || 'something';
    throw new UnreadableAnswer(`${request}: ${status}, but ${type} instead of JSON: is this Daytona’s API?`, {
      cause: asError(cause),
    });
  }
}

/** The server's own words: `{path, timestamp, statusCode, error, message}`, where `message` may be a list. */
function messageIn(text: string): string | undefined {
  try {
    const { message, error } = JSON.parse(text) as { readonly message?: unknown; readonly error?: unknown };
    const said = Array.isArray(message) ? message.join('; ') : (message ?? error);
    return typeof said === 'string' ? said : undefined;
  } catch {
    return undefined; // A proxy's page: its status says more.
  }
}

function isSandbox(item: unknown): item is Pick<Sandbox, 'id'> {
  return typeof item === 'object' && item !== null && 'id' in item && typeof item.id === 'string' && ID.test(item.id);
}

/** @throws {UnreadableAnswer} for what no server would call a sandbox: nothing else may get into a path */
function segment(id: string): string {
  if (!ID.test(id)) throw new UnreadableAnswer(`a sandbox with the id ${JSON.stringify(id)} can’t be asked for`);
  return id;
}
