import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { metricsOf, writeMetrics } from '../../../src/report/metrics';
import { promtool } from '../../support/report/promtool';
import { death, disk, failed, HOSTILE, phase, provider, report, resource, step } from '../../support/report/sample';
import { scenarioNames, scenarios } from '../../support/report/scenarios';

const samplesOf = async (made: ReturnType<typeof report>) =>
  (await metricsOf(made)).split('\n').filter((line) => !line.startsWith('#'));

describe('the metrics', { timeout: 60_000 }, () => {
  it.each(scenarioNames)('of the scenario “%s” are as Prometheus wants them', async (name) => {
    expect(promtool(['check', 'metrics'], await metricsOf(scenarios[name]()))).toBe('');
  });

  it('of a session of which nothing is known are as Prometheus wants them', async () => {
    expect(promtool(['check', 'metrics'], await metricsOf(report()))).toBe('');
  });

  it('of a provider with a hostile name are as Prometheus wants them', async () => {
    const post = phase([resource({ provider: HOSTILE })], { providers: [provider({ name: HOSTILE })] });
    expect(promtool(['check', 'metrics'], await metricsOf(report({ post })))).toBe('');
  });

  it('of goals for disk space are as Prometheus wants them, and tell what was measured', async () => {
    const made = report({
      pre: phase([], { disk: [disk(), disk({ goal: 'min-free-disk', after: null, reached: null, images: [] })] }),
    });
    expect(promtool(['check', 'metrics'], await metricsOf(made))).toBe('');
    expect(await samplesOf(made)).toEqual(
      expect.arrayContaining([
        'cleanup_action_disk_bytes{provider="docker",goal="image-budget",what="after"} 49000000000',
        'cleanup_action_disk_goal_reached{provider="docker",goal="image-budget"} 1',
        'cleanup_action_disk_images_removed{provider="docker",goal="min-free-disk"} 0',
      ]),
    );
  });

  it('are no more for more resources', async () => {
    const some = await samplesOf(report({ post: phase([failed({ error: 'a' })]) }));
    const more = await samplesOf(
      report({ post: phase(Array.from({ length: 100 }, (_, index) => failed({ name: `${index}`, error: `${index}` }))) }),
    );
    expect(more).toHaveLength(some.length);
  });

  it('count resources by phase, provider, kind and outcome', async () => {
    const post = phase([resource(), resource(), resource({ kind: 'sandbox', provider: 'daytona', outcome: 'killed' })]);
    expect(await samplesOf(report({ post, pre: phase([failed()]) }))).toEqual(
      expect.arrayContaining([
        'cleanup_action_resources{phase="pre",provider="docker",kind="container",outcome="failed"} 1',
        'cleanup_action_resources{phase="post",provider="docker",kind="container",outcome="graceful"} 2',
        'cleanup_action_resources{phase="post",provider="docker",kind="container",outcome="failed"} 0',
        'cleanup_action_resources{phase="post",provider="daytona",kind="sandbox",outcome="killed"} 1',
      ]),
    );
  });

  it('measure the rungs that were tried', async () => {
    const steps = [
      step({ action: 'stop', durationMs: 5_000 }),
      step({ action: 'kill', attempts: 0, durationMs: 0, result: 'skipped' }),
    ];
    expect(await samplesOf(report({ post: phase([resource({ steps })]) }))).toEqual(
      expect.arrayContaining([
        'cleanup_action_rung_duration_seconds_bucket{le="2.5",phase="post",provider="docker",rung="stop"} 0',
        'cleanup_action_rung_duration_seconds_bucket{le="5",phase="post",provider="docker",rung="stop"} 1',
        'cleanup_action_rung_duration_seconds_sum{phase="post",provider="docker",rung="stop"} 5',
        'cleanup_action_rung_duration_seconds_count{phase="post",provider="docker",rung="kill"} 0',
      ]),
    );
  });

  it('count retries by their cause', async () => {
    const steps = [step({ attempts: 4, retriedAfter: ['conflict', 'conflict', 'network'] })];
    expect(await samplesOf(report({ post: phase([resource({ steps })]) }))).toEqual(
      expect.arrayContaining([
        'cleanup_action_retries{phase="post",provider="docker",cause="conflict"} 2',
        'cleanup_action_retries{phase="post",provider="docker",cause="network"} 1',
        'cleanup_action_retries{phase="post",provider="docker",cause="rate_limit"} 0',
      ]),
    );
  });

  it('count what was asked to stop in vain, and not what was never asked', async () => {
    const stop = [step({ action: 'stop' })];
    const inVain = [step({ action: 'stop', result: 'timeout' })];
    const skipped = [step({ action: 'stop', attempts: 0, result: 'skipped' })];
    const post = phase([
      resource({ outcome: 'killed', steps: stop }),
      failed({ steps: inVain }),
      resource({ outcome: 'killed', steps: skipped }),
      resource({ steps: stop }),
    ]);
    expect(await samplesOf(report({ post }))).toContain(
      'cleanup_action_graceful_stop_failures{phase="post",provider="docker",kind="container"} 2',
    );
  });

  it('do not count what stopped as it was asked to, and could not be removed', async () => {
    const stopped = failed({
      steps: [step({ action: 'stop', result: 'timeout' }), step({ action: 'stop' }), step({ result: 'error' })],
    });
    expect(await samplesOf(report({ post: phase([stopped]) }))).toContain(
      'cleanup_action_graceful_stop_failures{phase="post",provider="docker",kind="container"} 0',
    );
  });

  it('tell whether a last listing found nothing left', async () => {
    const providers = [provider()];
    const samples = await samplesOf(
      report({ pre: phase([], { providers }), post: phase([failed()], { providers, verified: false }) }),
    );
    expect(samples.filter((line) => line.startsWith('cleanup_action_verified'))).toEqual([
      'cleanup_action_verified{phase="pre"} 1',
      'cleanup_action_verified{phase="post"} 0',
    ]);
  });

  it('leave out whether it is verified where nobody looked', async () => {
    const providers = [provider({ status: 'skipped' })];
    const samples = await samplesOf(report({ post: phase([], { providers }) }));
    expect(samples.filter((line) => line.startsWith('cleanup_action_verified'))).toEqual([]);
  });

  it('do not hide that a deadline was passed', async () => {
    const post = phase([], { durationMs: 240_400, deadlineMs: 240_000 });
    expect(await samplesOf(report({ post }))).toContainEqual(
      expect.stringMatching(/^cleanup_action_deadline_used_ratio\{phase="post"\} 1\.001/),
    );
  });

  it('tell the benchmark’s end', async () => {
    const benchmark = { command: 'x', exitCode: 124, signal: 'SIGTERM', timedOut: true, interruptedBy: null, durationMs: 1_500 };
    expect(await samplesOf(report({ benchmark }))).toEqual(
      expect.arrayContaining([
        'cleanup_action_benchmark_exit_code 124',
        'cleanup_action_benchmark_duration_seconds 1.5',
        'cleanup_action_benchmark_timed_out 1',
      ]),
    );
  });

  it('count deaths by class', async () => {
    const deaths = [death({ exitCode: 139 }), death({ exitCode: 134 }), death({ exitCode: 137, oomKilled: true })];
    expect(await samplesOf(report({ deaths }))).toEqual(
      expect.arrayContaining([
        'cleanup_action_deaths{exit_class="crashed"} 2',
        'cleanup_action_deaths{exit_class="out_of_memory"} 1',
        'cleanup_action_deaths{exit_class="killed"} 0',
      ]),
    );
  });

  it('tell how much of its deadline a phase used, where it has one', async () => {
    const samples = await samplesOf(report({ pre: phase(), post: phase([], { durationMs: 60_000, deadlineMs: 240_000 }) }));
    expect(samples.filter((line) => line.startsWith('cleanup_action_deadline'))).toEqual([
      'cleanup_action_deadline_seconds{phase="post"} 240',
      'cleanup_action_deadline_used_ratio{phase="post"} 0.25',
    ]);
  });

  it('tell which providers could be reached, and leave out those that were skipped', async () => {
    const providers = [provider(), provider({ name: 'a', status: 'unavailable' }), provider({ name: 'b', status: 'skipped' })];
    const samples = await samplesOf(report({ post: phase([], { providers }) }));
    expect(samples.filter((line) => line.startsWith('cleanup_action_provider_up'))).toEqual([
      'cleanup_action_provider_up{phase="post",provider="docker"} 1',
      'cleanup_action_provider_up{phase="post",provider="a"} 0',
    ]);
  });

  it('name the runner in every series, and the session in one', async () => {
    const samples = (await samplesOf(scenarios.killed())).filter((line) => line !== '');
    expect(samples.filter((line) => !line.includes('runner="3f9a1c22"'))).toEqual([]);
    expect(samples.filter((line) => line.includes('k3v9q0xw'))).toHaveLength(1);
  });

  it('are written to their file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'metrics-'));
    await writeMetrics(join(directory, 'cleanup.prom'), report());
    expect(await readFile(join(directory, 'cleanup.prom'), 'utf8')).toBe(await metricsOf(report()));
    await rm(directory, { recursive: true });
  });
});
