/**
 * Measures the built post as a process over so many sandboxes, in listings of 200 a page and under Daytona's rate limit of 10,000 requests
 * a minute: how long it takes, the most memory that it uses, and whether a request was ever refused: `npm run bench:sandboxes`.
 */
import { labels } from '../src/core/labels';
import { DaytonaServer } from '../test/support/daytona/server';
import { Job } from '../test/support/job/job';
import { peakMemory } from './peak-memory';

const RATE_LIMIT = { limit: 10_000, windowMs: 60_000 };

async function measure(number: number, state: 'started' | 'stopped'): Promise<void> {
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
    const peak = await peakMemory(step);
    const seconds = (performance.now() - startedAt) / 1000;
    const { post } = (await job.report()).phases;
    if (!post?.verified || post.resources.length !== number) throw new Error(`post left something: ${(await step.ended).output}`);
    const refused = server.requests.filter(({ status }) => status === 429).length;
    console.log(
      `${number} ${state}: ${seconds.toFixed(1)} s, ${peak.toFixed(0)} MiB at most, ${server.requests.length} requests, ${refused} refused with 429`,
    );
  } finally {
    await job.remove();
    await server.close();
  }
}

for (const number of process.argv.slice(2).map(Number)) {
  await measure(number, 'stopped');
  await measure(number, 'started');
}
