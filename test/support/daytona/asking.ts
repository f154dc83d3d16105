import { onTestFinished } from 'vitest';
import { DaytonaServer, type DaytonaServerOptions } from './server';

/** A server for one test: it ends with it. */
export async function start(options?: DaytonaServerOptions): Promise<DaytonaServer> {
  const server = await DaytonaServer.start(options);
  onTestFinished(() => server.close());
  return server;
}

/** What the server says to a request. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Asks without a client, as nobody's client would.
 * @param call `DELETE /sandbox/ID`
 */
export async function ask(
  { url, apiKey }: DaytonaServer,
  call: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const [method = '', path = ''] = call.split(' ');
  const answer = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${apiKey}`, ...headers } });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answered['body'] };
}

export async function statusOf(server: DaytonaServer, call: string, headers?: Readonly<Record<string, string>>): Promise<number> {
  return (await ask(server, call, headers)).status;
}

/** The ids in a listing’s first page. */
export async function listed(server: DaytonaServer, query = 'sort=createdAt&order=asc'): Promise<readonly string[]> {
  const { body } = await ask(server, `GET /sandbox?${query}`);
  return (body['items'] as { id: string }[]).map(({ id }) => id);
}
