import { labels } from '../src/core/labels';
import { DaytonaServer } from '../test/support/daytona/server';
import { Job } from '../test/support/job/job';
import { type Cost, costOf } from './cost';

/** Daytona's: so many requests that change a sandbox's life, and so many others. */
const RATE_LIMIT = { limit: 10_000, windowMs: 60_000 };

export interface SandboxCost extends Cost {
  readonly requests: number;
  /** With 429. */
  readonly refused: number;
}

/** Seconds that the rate limit alone takes for so many stops and deletions, evenly spread. */
export function leastSeconds(requests: number): number {
  return ((requests / RATE_LIMIT.limit) * RATE_LIMIT.windowMs) / 1000;
}

/** @throws when post leaves any of them */
export async function postWithSandboxes(number: number, state: 'started' | 'stopped'): Promise<SandboxCost> {
  const server = await DaytonaServer.start({ rateLimit: RATE_LIMIT, transitionMs: 1_000, listingLagMs: 2_000, latencyMs: 20 });
  const job = await Job.create({
    inputs: { docker: 'false', daytona: 'true', deadline: '1h' },
    env: { DAYTONA_API_URL: server.url, DAYTONA_API_KEY: server.apiKey },
  });
  try {
    await job.main();
    const own = { [labels.session]: await job.session() };
    for (let count = 0; count < number; count += 1) server.add({ state, labels: own });
    const startedAt = performance.now();
    const step = await job.startPost();
    const cost = await costOf(step, startedAt);
    const { post } = (await job.report()).phases;
    if (!post?.verified || post.resources.length !== number) throw new Error(`post left something: ${(await step.ended).output}`);
    const { requests } = server;
    return { ...cost, requests: requests.length, refused: requests.filter(({ status }) => status === 429).length };
  } finally {
    await job.remove();
    await server.close();
  }
}
