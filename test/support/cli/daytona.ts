import { start } from '../daytona/asking';
import type { Sandbox, SandboxOptions } from '../daytona/server';
import type { Variables } from './cli';

/** A server of Daytona's API, and how the command line finds it. */
export interface TestDaytona {
  readonly env: Variables;
  readonly add: (sandbox?: Partial<SandboxOptions>) => Sandbox;
  readonly stateOf: (sandbox: Sandbox) => string;
  /** When its TTL is over, in milliseconds since the epoch. */
  readonly endOf: (sandbox: Sandbox) => number | undefined;
}

/** Closed after the test. */
export async function startDaytona(): Promise<TestDaytona> {
  const server = await start();
  return {
    env: { DAYTONA_API_URL: server.url, DAYTONA_API_KEY: server.apiKey },
    add: (sandbox) => server.add(sandbox),
    stateOf: ({ id }) => server.get(id)?.state ?? 'gone',
    endOf: ({ id }) => server.get(id)?.autoDestroyAt,
  };
}
