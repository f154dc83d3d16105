import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the server answers about a run. */
export type Behaviour =
  /** A status as GitHub has it, and a conclusion with `completed`. */
  | 'completed'
  | 'in_progress'
  | 'queued'
  | 'waiting'
  | 'odd-status'
  /** Answers like those of GitHub to a token that may not see it, and to too many requests. */
  | 'forbidden'
  | 'unauthorized'
  | 'rate-limited'
  | 'secondary-limit'
  | 'too-many'
  | 'broken'
  /** Never answers; answers with a byte now and then; breaks off in the middle. */
  | 'slow'
  | 'trickle'
  | 'cut'
  /** Answers that say nothing of the run. */
  | 'redirect'
  | 'html'
  | 'huge'
  | 'another-run'
  | 'another-attempt'
  | 'no-conclusion';

/** One request, as it came. */
export interface GithubRequest {
  readonly path: string;
  readonly authorization: string | undefined;
}

const ATTEMPT = /^\/api\/v3(\/repos\/[^/]+\/[^/]+\/actions\/runs\/(\d+)\/attempts\/(\d+))$/;

/** GitHub's API as far as it tells of runs, with faults to order. The official client is held to it, too. */
export class GithubServer {
  readonly token = 'ghs_the-token';
  readonly requests: GithubRequest[] = [];
  readonly #runs = new Map<string, Behaviour>();
  readonly #server: Server;
  /** Where `redirect` leads to. */
  redirectTo = 'http://127.0.0.1:9/';

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      this.requests.push({ path, authorization: request.headers.authorization });
      const [, asked = '', run = '', attempt = ''] = ATTEMPT.exec(path) ?? [];
      if (!/^(Bearer|token) ghs_the-token$/.test(request.headers.authorization ?? '')) {
        send(response, 401, { message: 'Bad credentials', status: '401' });
        return;
      }
      const { redirectTo } = this;
      ANSWERS[this.#runs.get(asked) ?? 'unknown']({ response, run: Number(run), attempt: Number(attempt), redirectTo });
    });
  }

  static async start(): Promise<GithubServer> {
    const server = new GithubServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** As GHES has it, with a path. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v3`;
  }

  /** For the environment of a job. @param serverUrl that of the pages, which tell whose run it is */
  variables(serverUrl = 'https://github.com'): Readonly<Record<string, string>> {
    return { GITHUB_API_URL: this.url, GITHUB_SERVER_URL: serverUrl };
  }

  /** Of other runs it knows nothing. */
  has(repository: string, run: string | number, attempt: string | number, behaviour: Behaviour): void {
    this.#runs.set(`/repos/${repository}/actions/runs/${run}/attempts/${attempt}`, behaviour);
  }
}

/** The run that was asked about. */
interface Asked {
  readonly response: ServerResponse;
  readonly run: number;
  readonly attempt: number;
  readonly redirectTo: string;
}

const ANSWERS: Readonly<Record<Behaviour | 'unknown', (asked: Asked) => void>> = {
  unknown: (asked) => refuse(asked, 404, 'Not Found'),
  completed: (asked) => tell(asked, 'completed'),
  in_progress: (asked) => tell(asked, 'in_progress'),
  queued: (asked) => tell(asked, 'queued'),
  waiting: (asked) => tell(asked, 'waiting'),
  'odd-status': (asked) => tell(asked, 'somewhere'),
  forbidden: (asked) => refuse(asked, 403, 'Resource not accessible by integration', { 'x-ratelimit-remaining': '999' }),
  unauthorized: (asked) => refuse(asked, 401, 'Bad credentials'),
  'rate-limited': (asked) => refuse(asked, 403, 'API rate limit exceeded', { 'x-ratelimit-remaining': '0' }),
  'secondary-limit': (asked) => refuse(asked, 403, 'You have exceeded a secondary rate limit', { 'retry-after': '60' }),
  'too-many': (asked) => refuse(asked, 429, 'Too many requests'),
  broken: (asked) => refuse(asked, 502, 'Server Error'),
  slow: () => undefined,
  trickle({ response }) {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(timer));
  },
  cut({ response }) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"id":', () => response.destroy());
  },
  redirect: (asked) => refuse(asked, 301, 'Moved Permanently', { location: asked.redirectTo }),
  html({ response }) {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html>status: completed</html>');
  },
  huge: (asked) => tell(asked, 'completed', { junk: 'x'.repeat(2_000_000) }),
  'another-run': (asked) => tell(asked, 'completed', { id: asked.run + 1 }),
  'another-attempt': (asked) => tell(asked, 'completed', { run_attempt: asked.attempt + 1 }),
  'no-conclusion': (asked) => tell(asked, 'completed', { conclusion: null }),
};

function tell({ response, run, attempt }: Asked, status: string, changes: object = {}): void {
  const conclusion = status === 'completed' ? 'failure' : null;
  send(response, 200, { id: run, name: 'Benchmark', run_attempt: attempt, status, conclusion, ...changes });
}

function refuse({ response }: Asked, status: number, message: string, headers: Readonly<Record<string, string>> = {}): void {
  send(response, status, { message, status: String(status) }, headers);
}

function send(response: ServerResponse, status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}
