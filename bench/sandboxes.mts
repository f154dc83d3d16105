/**
 * Measures the built post as a process over so many sandboxes, in listings of 200 a page and under Daytona's rate limit of 10,000 requests
 * a minute: how long it takes, the most memory that it uses, and whether a request was ever refused: `npm run bench:sandboxes`.
 */
import { postWithSandboxes } from './daytona';

for (const number of process.argv.slice(2).map(Number)) {
  for (const state of ['stopped', 'started'] as const) {
    const { seconds, memory, requests, refused } = await postWithSandboxes(number, state);
    console.log(
      `${number} ${state}: ${seconds.toFixed(1)} s, ${memory.toFixed(0)} MiB at most, ${requests} requests, ${refused} refused with 429`,
    );
  }
}
