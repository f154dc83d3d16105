import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from '@octokit/request';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { labels } from '../../../src/core/labels';
import type { Resource } from '../../../src/core/resource';
import { systemClock } from '../../../src/lib/clock';
import { githubClient } from '../../../src/session/github-client';
import { GithubRuns, runOf } from '../../../src/session/github-runs';
import { fastClock } from '../../support/daytona/fast-clock';
import { type Behaviour, GithubServer } from '../../support/github/server';

const SERVER = 'https://github.com';
const REPOSITORY = 'octo/benchmarks';

let github: GithubServer;
beforeEach(async () => {
  github = await GithubServer.start();
});
afterEach(() => github.close());

const sessionOfRun = (run: number, attempt = 1, nonce = 'aaaaaaaa') => `gh-${run}-${attempt}.0badcafe.${nonce}`;

/** A container with all labels that the action gives it. */
function made(
  run: number,
  { attempt = 1, repository = REPOSITORY, ...more }: { attempt?: number; repository?: string } & Partial<Resource> = {},
): Resource {
  const url = `${SERVER}/${repository}/actions/runs/${run}/attempts/${attempt}`;
  const own = { [labels.session]: sessionOfRun(run, attempt), [labels.repository]: repository, [labels.runUrl]: url };
  const known = { provider: 'docker', kind: 'container', id: 'c', name: 'c', state: 'running', running: true } as const;
  return { ...known, ...more, labels: { ...own, ...more.labels } };
}

function asking({ clock = systemClock, token = github.token, url = github.url } = {}) {
  const troubles: string[] = [];
  const runs = new GithubRuns({
    ask: githubClient(url, token),
    serverUrl: SERVER,
    clock,
    onTrouble: (line) => troubles.push(line),
  });
  const learn = (...listed: readonly Resource[]) => runs.learn(listed, () => true);
  return { runs, troubles, learn };
}

describe('the tests’ own server', () => {
  const ask = (run: number) =>
    request('GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}', {
      baseUrl: github.url,
      headers: { authorization: `token ${github.token}` },
      owner: 'octo',
      repo: 'benchmarks',
      run_id: run,
      attempt_number: 2,
    });

  it('tells GitHub’s official client of runs', async () => {
    github.has(REPOSITORY, 1, 2, 'completed');
    github.has(REPOSITORY, 2, 2, 'in_progress');
    expect((await ask(1)).data).toMatchObject({ id: 1, run_attempt: 2, status: 'completed', conclusion: 'failure' });
    expect((await ask(2)).data).toMatchObject({ id: 2, status: 'in_progress', conclusion: null });
  });

  it.each<[Behaviour | undefined, number, string]>([
    [undefined, 404, 'Not Found'],
    ['forbidden', 403, 'Resource not accessible'],
    ['rate-limited', 403, 'rate limit'],
    ['too-many', 429, 'Too many'],
    ['unauthorized', 401, 'Bad credentials'],
  ])('refuses GitHub’s official client: %s', async (behaviour, status, message) => {
    if (behaviour) github.has(REPOSITORY, 3, 2, behaviour);
    await expect(ask(3)).rejects.toMatchObject({ status, message: expect.stringContaining(message) });
  });
});

describe('a run is', () => {
  it.each<['live' | 'over' | undefined, Behaviour]>([
    ['over', 'completed'],
    ['live', 'in_progress'],
    ['live', 'queued'],
    ['live', 'waiting'],
    [undefined, 'odd-status'],
    [undefined, 'forbidden'],
    [undefined, 'unauthorized'],
    [undefined, 'rate-limited'],
    [undefined, 'secondary-limit'],
    [undefined, 'too-many'],
    [undefined, 'broken'],
    [undefined, 'cut'],
    [undefined, 'redirect'],
    [undefined, 'html'],
    [undefined, 'huge'],
    [undefined, 'another-run'],
    [undefined, 'another-attempt'],
    [undefined, 'no-conclusion'],
  ])('%s when GitHub’s answer is %s', async (word, behaviour) => {
    github.has(REPOSITORY, 1, 1, behaviour);
    const { runs, learn } = asking();
    await learn(made(1));
    expect(runs.wordOf(sessionOfRun(1))).toBe(word);
  });

  it('unknown where GitHub does not know it', async () => {
    const { runs, learn, troubles } = asking();
    await learn(made(1));
    expect([runs.wordOf(sessionOfRun(1)), troubles]).toEqual([undefined, []]);
  });

  it.each<Behaviour>(['slow', 'trickle'])(
    'unknown where GitHub is %s, and nothing waits for it for more than 5 s',
    async (behaviour) => {
      github.has(REPOSITORY, 1, 1, behaviour);
      github.has(REPOSITORY, 2, 1, 'completed');
      const clock = fastClock(5); // The other answer has a second.
      const { runs, learn, troubles } = asking({ clock });
      const startedAt = clock.now();
      await learn(made(1), made(2));
      expect(clock.now() - startedAt).toBeLessThan(20_000);
      await learn(made(1), made(3));
      expect([runs.wordOf(sessionOfRun(1)), runs.wordOf(sessionOfRun(2)), troubles]).toEqual([
        undefined,
        'over',
        ['GitHub does not say which runs are over: it did not answer within 5 s. Their age decides.'],
      ]);
      expect(github.requests.map(({ path }) => path)).not.toContain('/api/v3/repos/octo/benchmarks/actions/runs/3/attempts/1');
    },
  );

  it('unknown where nothing listens', async () => {
    const { runs, learn, troubles } = asking({ url: 'http://127.0.0.1:9' });
    await learn(made(1));
    expect(runs.wordOf(sessionOfRun(1))).toBeUndefined();
    expect(troubles).toEqual([expect.stringMatching(/can’t be reached \(\w+\)\. Their age decides\.$/)]);
  });
});

describe('GitHub is asked', () => {
  it('once about a run, however many sessions, resources and listings there are', async () => {
    github.has(REPOSITORY, 1, 1, 'completed');
    const { runs, learn } = asking();
    const sibling = made(1, { labels: { [labels.session]: sessionOfRun(1, 1, 'bbbbbbbb') } });
    await Promise.all([learn(made(1), made(1), sibling), learn(sibling)]);
    await learn(made(1));
    expect(github.requests).toHaveLength(1);
    expect([runs.wordOf(sessionOfRun(1)), runs.wordOf(sessionOfRun(1, 1, 'bbbbbbbb'))]).toEqual(['over', 'over']);
  });

  it('about an attempt, not about the run’s latest one', async () => {
    github.has(REPOSITORY, 1, 1, 'completed');
    github.has(REPOSITORY, 1, 2, 'in_progress');
    const { runs, learn } = asking();
    await learn(made(1), made(1, { attempt: 2 }));
    expect([runs.wordOf(sessionOfRun(1)), runs.wordOf(sessionOfRun(1, 2))]).toEqual(['over', 'live']);
  });

  it('again about a run that was in progress, after a minute', async () => {
    github.has(REPOSITORY, 1, 1, 'in_progress');
    let now = 0;
    const { runs, learn } = asking({ clock: { ...systemClock, now: () => now } });
    await learn(made(1));
    await learn(made(1));
    expect(github.requests).toHaveLength(1);
    github.has(REPOSITORY, 1, 1, 'completed');
    now = 61_000;
    await learn(made(1));
    expect(runs.wordOf(sessionOfRun(1))).toBe('over');
  });

  it.each<Behaviour>(['rate-limited', 'secondary-limit', 'too-many', 'broken'])(
    'no more after it has answered: %s',
    async (behaviour) => {
      github.has(REPOSITORY, 1, 1, behaviour);
      github.has(REPOSITORY, 2, 1, 'completed');
      const { learn, troubles } = asking();
      await learn(made(1));
      await learn(made(2));
      expect([github.requests.length, troubles.length]).toEqual([1, 1]);
    },
  );

  it('no more about a repository whose runs the token may not see', async () => {
    github.has('octo/secret', 1, 1, 'forbidden');
    github.has(REPOSITORY, 2, 1, 'completed');
    const { runs, learn, troubles } = asking();
    await learn(made(1, { repository: 'octo/secret' }));
    await learn(made(3, { repository: 'octo/secret' }), made(2));
    expect(runs.wordOf(sessionOfRun(2))).toBe('over');
    expect([github.requests.length, troubles]).toEqual([2, [expect.stringContaining('permissions: actions: read')]]);
  });

  it('about no more than a hundred runs at a time', async () => {
    const { learn } = asking();
    await learn(...Array.from({ length: 300 }, (_, index) => made(index + 1)));
    expect(github.requests).toHaveLength(100);
  });

  it('nothing about sessions of which more is known', async () => {
    const { runs } = asking();
    await runs.learn([made(1)], () => false);
    expect(github.requests).toEqual([]);
  });
});

it('the token reaches no other host', async () => {
  const reached: (string | undefined)[] = [];
  const other = createServer((incoming, response) => {
    reached.push(incoming.headers.authorization);
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(other, 'listening');
  github.redirectTo = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  github.has(REPOSITORY, 1, 1, 'redirect');
  const { learn } = asking();
  await learn(made(1));
  other.close();
  expect([github.requests, reached]).toEqual([
    [{ path: '/api/v3/repos/octo/benchmarks/actions/runs/1/attempts/1', authorization: `Bearer ${github.token}` }],
    [],
  ]);
});

describe('resources tell of their run', () => {
  const url = (text: string) => ({ labels: { [labels.runUrl]: text } });

  it('by all labels of the action', () => {
    expect(runOf(made(7, { attempt: 3 }), SERVER)).toEqual({ repository: REPOSITORY, run: '7', attempt: '3' });
  });

  it.each<[string, Resource]>([
    ['by its session alone', { ...made(7), labels: { [labels.session]: sessionOfRun(7) } }],
    [
      'of another server, where runs have other numbers',
      made(7, url(`https://ghes.example/${REPOSITORY}/actions/runs/7/attempts/1`)),
    ],
    ['of another run', made(7, url(`${SERVER}/${REPOSITORY}/actions/runs/8/attempts/1`))],
    ['of another repository', made(7, url(`${SERVER}/octo/other/actions/runs/7/attempts/1`))],
    ['of a repository whose name leads elsewhere', made(7, { repository: '../..' })],
    ['of a repository with a query', made(7, { repository: 'octo/x?y=z' })],
    ['of the command line', made(7, { labels: { [labels.session]: 'cli-me.0badcafe.aaaaaaaa' } })],
    ['without a run', made(0)],
  ])('not %s', (_, resource) => {
    expect(runOf(resource, SERVER)).toBeUndefined();
  });

  it('and are not believed when they tell of several', async () => {
    github.has(REPOSITORY, 1, 1, 'completed');
    github.has('octo/other', 1, 1, 'completed');
    const { runs, learn } = asking();
    await learn(made(1), made(1, { repository: 'octo/other' }));
    await learn(made(1));
    expect(runs.wordOf(sessionOfRun(1))).toBeUndefined();
    expect(github.requests).toEqual([]);
  });

  it('not where their label may come from their image', async () => {
    github.has(REPOSITORY, 1, 1, 'completed');
    const { learn } = asking();
    await learn(made(1, { inheritsSession: true }));
    expect(github.requests).toEqual([]);
  });
});
