import { describe, expect, it } from 'vitest';
import { benchmarkEnvironment, sessionOrigin } from '../../../src/action/runner';

const JOB = {
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'octo/bench',
  GITHUB_RUN_ID: '4711',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_WORKFLOW: 'Benchmark',
  GITHUB_JOB: 'terminal-bench',
};

describe('a job’s session', () => {
  it('says where it takes place', () => {
    const env = { ...JOB, RUNNER_NAME: 'bench-1', RUNNER_TEMP: '/runner/_work/_temp' };
    expect(sessionOrigin(env, 'host-a')).toEqual({
      run: 'gh-4711-2',
      runner: { name: 'bench-1', hostName: 'host-a', directory: '/runner/_work/_temp' },
      repository: 'octo/bench',
      workflow: 'Benchmark',
      job: 'terminal-bench',
      runUrl: 'https://github.com/octo/bench/actions/runs/4711/attempts/2',
    });
  });

  it('needs nothing of it', () => {
    expect(sessionOrigin({}, 'host-a')).toEqual({ run: 'gh-0-1', runner: undefined });
  });
});

describe('the benchmark’s environment', () => {
  it('has what a run step has: neither inputs nor main’s state', () => {
    const env = {
      PATH: '/bin',
      HOME: '/root',
      CLEANUP_LABEL: 'a=b',
      'INPUT_DAYTONA-API-KEY': 'secret',
      input_run: 'x',
      STATE_main: '{}',
      GITHUB_STATE: '/runner/state',
      GITHUB_OUTPUT: '/runner/output',
    };
    expect(benchmarkEnvironment(env, '/own/state')).toEqual({
      PATH: '/bin',
      HOME: '/root',
      CLEANUP_LABEL: 'a=b',
      GITHUB_STATE: '/own/state',
      GITHUB_OUTPUT: '/runner/output',
    });
  });

  it('has Daytona’s key where the job’s own environment has it', () => {
    expect(benchmarkEnvironment({ DAYTONA_API_KEY: 'theirs' }, '/own/state')).toMatchObject({ DAYTONA_API_KEY: 'theirs' });
  });
});
