/** Clusters that freeze, die and lie. In each test something of somebody else stands by, and must stay. */
import { describe, expect, onTestFinished } from 'vitest';
import type { RawSettings } from '../../src/config/config';
import type { PhaseReport } from '../../src/report/model';
import type { Fault } from '../support/engine/flaky-proxy';
import { IGNORES_SIGTERM, type KubernetesObject } from '../support/kubernetes/cluster';
import type { UserName } from '../support/kubernetes/credentials';
import { cluster, itOnOwnCluster } from '../support/kubernetes/own-cluster';
import { outcomesIn, type SessionOptions, sessionIn } from '../support/kubernetes/session';
import { until } from '../support/until';

const namesIn = async (namespace: string, kinds = 'pods'): Promise<readonly string[]> =>
  (await cluster.kubectl('get', kinds, `--namespace=${namespace}`, '--output=name')).split('\n').filter(Boolean).sort();

const isLeaving = async ({ metadata: { name, namespace } }: KubernetesObject) =>
  (await cluster.get('pod', name, namespace))?.metadata.deletionTimestamp !== undefined;

const outcomes = ({ resources }: PhaseReport) => [...new Set(resources.map(({ outcome }) => outcome))];

const configMap = (name: string, namespace: string, labels = {}, finalizers: readonly string[] = []) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels, finalizers },
});

/** A session with two pods and a config map, beside a pod and a config map of somebody else. */
async function scene(raw: RawSettings = {}, options: SessionOptions = {}) {
  const namespace = await cluster.namespace();
  const session = await sessionIn([namespace], raw, options);
  const [polite, deaf] = await Promise.all([
    cluster.pod({ namespace, name: 'polite', labels: session.label, grace: 30 }),
    cluster.pod({ namespace, name: 'deaf', labels: session.label, grace: 30, command: IGNORES_SIGTERM }),
    cluster.pod({ namespace, name: 'others' }),
  ]);
  await cluster.create(configMap('ours', namespace, session.label), configMap('others', namespace));
  return {
    ...{ namespace, session, polite, deaf },
    left: async () => (await namesIn(namespace, 'pods,configmaps')).filter((name) => !name.includes('kube-root-ca')),
  };
}

const OURS_GONE = ['configmap/others', 'pod/others'];
const ALL = ['configmap/others', 'configmap/ours', 'pod/deaf', 'pod/others', 'pod/polite'];

/** The same, with a proxy between the session and the API server, which does nothing yet. */
async function sceneBehindProxy(raw: RawSettings = {}, options: SessionOptions = {}) {
  const proxy = await cluster.proxy();
  onTestFinished(() => proxy.stop());
  return { proxy, ...(await scene(raw, { ...options, kubeconfig: await cluster.kubeconfig('token', proxy.url) })) };
}

async function timed<T>(work: Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const startedAt = performance.now();
  const result = await work;
  return { result, ms: performance.now() - startedAt };
}

describe('an API server', () => {
  itOnOwnCluster('that is killed in the middle and started again keeps nothing', async () => {
    const { namespace, session, deaf, left } = await scene({ gracePeriod: '4s' });
    const post = session.post();
    await until('the deletion has begun', () => isLeaving(deaf));
    await cluster.kill('apiserver');
    // A kubelet needs no server to end a pod.
    await until('the pod has ended', async () => (await cluster.processesOf(deaf)).length === 0);
    await cluster.restart('apiserver');
    const report = await post;
    expect(outcomes(report)).not.toContain('failed');
    expect(report.verified).toBe(true);
    expect(await left()).toEqual(OURS_GONE);
    expect(await namesIn(namespace)).toEqual(['pod/others']);
  });

  itOnOwnCluster('that is frozen for some seconds, and goes on, keeps nothing', async () => {
    const { session, deaf, left } = await scene({ gracePeriod: '4s' });
    const post = session.post();
    await until('the deletion has begun', () => isLeaving(deaf));
    await cluster.freeze('apiserver');
    await until('the pod has ended', async () => (await cluster.processesOf(deaf)).length === 0);
    await cluster.thaw('apiserver');
    const report = await post;
    expect(outcomes(report)).not.toContain('failed');
    expect(report.verified).toBe(true);
    expect(await left()).toEqual(OURS_GONE);
  });

  itOnOwnCluster('that is frozen for all the time there is leaves the rest told, in time', async () => {
    const deadlineMs = 10_000;
    const { session, deaf, left } = await scene({ gracePeriod: '4s' }, { deadlineMs });
    const post = timed(session.post());
    await until('the deletion has begun', () => isLeaving(deaf));
    await cluster.freeze('apiserver');
    const { result: report, ms } = await post.finally(() => cluster.thaw('apiserver'));
    await until('it answers', () => cluster.answers());
    expect(ms).toBeLessThan(deadlineMs + 2_000);
    expect(report.verified).toBe(false);
    const failed = report.resources.filter(({ outcome }) => outcome === 'failed');
    expect(failed.map(({ name }) => name)).toContain('deaf');
    for (const { error, command } of failed) {
      expect(error).toMatch(/deadline|time/);
      expect(command).toMatch(/^kubectl .* delete (pods|configmaps) /);
    }
    expect(await left()).toEqual(expect.arrayContaining(OURS_GONE));
  });

  itOnOwnCluster('that is frozen from the start is told in one line, in time, and nothing is touched', async () => {
    const deadlineMs = 5_000;
    const { session, left } = await scene({}, { deadlineMs });
    await cluster.freeze('apiserver');
    const { result: report, ms } = await timed(session.post()).finally(() => cluster.thaw('apiserver'));
    await until('it answers', () => cluster.answers());
    expect(ms).toBeLessThan(deadlineMs + 2_000);
    expect(report.verified).toBe(false);
    expect(report.resources).toEqual([]);
    expect(report.providers.map(({ status }) => status)).toEqual(['unavailable']);
    expect(report.providers[0]?.reason).toMatch(/^[^\n]+$/);
    expect(await left()).toEqual(ALL);
  });
});

const POD = /^(GET|DELETE) \/api\/v1\/namespaces\/[^/]+\/pods\/[^/?]+/;
const DELETION = /^DELETE /;
/** Not the question for one pod, when it connects. */
const LISTING = /^GET \/api\/v1\/namespaces\/[^/]+\/pods\?limit=500/;
const WATCH = /watch=true/;

const answer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Fault => ({
  ...{ kind: 'answer', status, body },
  headers: { 'content-type': 'text/plain', ...headers },
});

const BUSY = 'Too many requests, please try again later.';
const BAD_GATEWAY = '<html>\n<head><title>502 Bad Gateway</title></head>\n</html>';

describe('a proxy before the API server', () => {
  itOnOwnCluster.for<[string, Fault, RegExp, number]>([
    ['429 in plain text, with Retry-After, to deletions', answer(429, BUSY, { 'retry-after': '1' }), DELETION, 4],
    ['429 in plain text, without Retry-After, to deletions', answer(429, BUSY), DELETION, 4],
    ['429 in plain text to lists', answer(429, BUSY, { 'retry-after': '1' }), LISTING, 2],
    ['a page with 502 to deletions', answer(502, BAD_GATEWAY, { 'content-type': 'text/html' }), DELETION, 4],
    ['a page with 502 to lists', answer(502, BAD_GATEWAY, { 'content-type': 'text/html' }), LISTING, 2],
    ['a page with 200 to lists', answer(200, '<html>Welcome</html>', { 'content-type': 'text/html' }), LISTING, 2],
    ['its own 404 to deletions', answer(404, '<html>Not Found</html>', { 'content-type': 'text/html' }), DELETION, 3],
  ])('that answers %s for a while changes nothing', async ([, fault, matches, times]) => {
    const { proxy, session, left, deaf } = await sceneBehindProxy();
    proxy.spoil(fault, matches, times);
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['config-map ours: removed', 'pod deaf: killed', 'pod polite: graceful']);
    expect(report.verified).toBe(true);
    expect(await cluster.processesOf(deaf)).toEqual([]);
    expect(await left()).toEqual(OURS_GONE);
  });

  itOnOwnCluster.for<[string, Fault, RegExp, number]>([
    ['resets connections of deletions', { kind: 'reset' }, DELETION, 4],
    ['resets connections of lists', { kind: 'reset' }, LISTING, 2],
    ['resets watches', { kind: 'reset' }, WATCH, 10],
    ['cuts off answers to deletions', { kind: 'cut' }, DELETION, 3],
    ['cuts off lists', { kind: 'cut' }, LISTING, 2],
    ['lets no watch begin', { kind: 'hang' }, WATCH, Number.POSITIVE_INFINITY],
    ['answers watches with a page', answer(200, '<html></html>'), WATCH, Number.POSITIVE_INFINITY],
    ['hands on everything half a second late', { kind: 'late', ms: 500 }, /./, Number.POSITIVE_INFINITY],
  ])('that %s costs only time', async ([, fault, matches, times]) => {
    const { proxy, session, left, deaf } = await sceneBehindProxy();
    proxy.spoil(fault, matches, times);
    const report = await session.post();
    expect(outcomes(report)).not.toContain('failed');
    expect(report.resources).toHaveLength(3);
    expect(report.verified).toBe(true);
    expect(await cluster.processesOf(deaf)).toEqual([]);
    expect(await left()).toEqual(OURS_GONE);
  });

  itOnOwnCluster('that lets no watch begin, and answers looks at pods with JSON of its own, makes no pod gone', async () => {
    const { proxy, session, left, deaf } = await sceneBehindProxy();
    proxy.spoil({ kind: 'reset' }, WATCH);
    proxy.spoil(answer(200, '{"status":"ok"}'), /^GET .*\/pods\/(deaf|polite)$/, 4);
    const report = await session.post();
    // Without a watch, the polite one's exit code may go unseen.
    const polite = expect.stringMatching(/^pod polite: (graceful|killed)$/);
    expect(outcomesIn(report)).toEqual(['config-map ours: removed', 'pod deaf: killed', polite]);
    expect(await cluster.processesOf(deaf)).toEqual([]);
    expect(await left()).toEqual(OURS_GONE);
  });

  itOnOwnCluster('that never finds a pod does not make it gone', async () => {
    const { proxy, session, left } = await sceneBehindProxy({}, { deadlineMs: 8_000 });
    proxy.spoil(answer(404, 'default backend - 404'), POD);
    const report = await session.post();
    expect(outcomesIn(report)).toEqual(['config-map ours: removed', 'pod deaf: failed', 'pod polite: failed']);
    expect(report.verified).toBe(false);
    expect(report.resources.find(({ name }) => name === 'deaf')?.error).toContain('default backend - 404');
    expect(await left()).toEqual(['configmap/others', 'pod/deaf', 'pod/others', 'pod/polite']);
  });

  itOnOwnCluster('whose lists become too old between two pages is asked anew', async () => {
    const { proxy, session, left } = await sceneBehindProxy();
    const oneOfMany = (list: unknown) => {
      const { items, metadata, ...rest } = list as { readonly items: readonly object[]; readonly metadata: object };
      return { ...rest, metadata: { ...metadata, continue: 'a-state-of-long-ago' }, items: items.slice(0, 1) };
    };
    const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'The provided continue parameter is too old.' };
    proxy.spoil(answer(410, JSON.stringify(expired)), /continue=a-state-of-long-ago/);
    proxy.spoil({ kind: 'edit', edit: oneOfMany }, LISTING, 2);
    const report = await session.post();
    expect(proxy.calls.filter((call) => call.includes('continue=a-state-of-long-ago'))).toHaveLength(2);
    expect(outcomesIn(report)).toEqual(['config-map ours: removed', 'pod deaf: killed', 'pod polite: graceful']);
    expect(report.verified).toBe(true);
    expect(await left()).toEqual(OURS_GONE);
  });

  itOnOwnCluster('that is busy for ever is told, in time', async () => {
    const deadlineMs = 8_000;
    const { proxy, session, left } = await sceneBehindProxy({}, { deadlineMs });
    proxy.spoil(answer(429, BUSY, { 'retry-after': '1' }), DELETION);
    const { result: report, ms } = await timed(session.post());
    expect(ms).toBeLessThan(deadlineMs + 2_000);
    expect(outcomes(report)).toEqual(['failed']);
    expect(report.resources.find(({ name }) => name === 'deaf')?.error).toContain(`429 ${BUSY}`);
    expect(await left()).toEqual(ALL);
  });
});

describe('who has no credentials', () => {
  itOnOwnCluster.for<[UserName, RegExp]>([
    [
      'wrong-token',
      /^the cluster does not accept the credentials, which may have expired \(GET the version: 401 Unauthorized\)$/,
    ],
    [
      'expired-token',
      /^the cluster does not accept the credentials, which may have expired \(GET the version: 401 Unauthorized\)$/,
    ],
    ['exec-fails', /^the credentials of the context “test” can’t be had: the login has expired: log in again$/],
    ['exec-hangs', /^[^\n]*(deadline|time|longer than)[^\n]*$/],
  ])('(%s) is told so in one line, in time, and nothing is touched', async ([user, reason]) => {
    const deadlineMs = 6_000;
    const { namespace, session: able, left } = await scene();
    const session = await sessionIn([namespace], {}, { id: able.id, deadlineMs, kubeconfig: await cluster.kubeconfig(user) });
    const { result: report, ms } = await timed(session.post());
    expect(ms).toBeLessThan(deadlineMs + 2_000);
    expect(report.providers.map(({ status }) => status)).toEqual(['unavailable']);
    expect(report.providers[0]?.reason).toMatch(reason);
    expect(report.resources).toEqual([]);
    expect(report.verified).toBe(false);
    expect(await left()).toEqual(ALL);
  });
});

describe('a namespace', () => {
  itOnOwnCluster('that something in it holds is told with the cluster’s own words, in time', async () => {
    const deadlineMs = 20_000;
    const others = await cluster.namespace();
    const session = await sessionIn([others], { resources: 'namespaces' }, { deadlineMs });
    const ours = await cluster.namespace(session.label);
    await cluster.create(configMap('held', ours, {}, ['example.com/hold']), configMap('bystander', others));
    const { result: report, ms } = await timed(session.post());
    const patch = '--patch={"metadata":{"finalizers":null}}';
    await cluster.kubectl('patch', 'configmap', 'held', `--namespace=${ours}`, '--type=merge', patch);
    expect(ms).toBeLessThan(deadlineMs + 2_000);
    expect(outcomesIn(report)).toEqual([`namespace ${ours}: failed`]);
    expect(report.resources[0]?.error).toMatch(/its deletion waits: .*example\.com\/hold in 1 resource instances/);
    expect(report.resources[0]?.command).toContain(`delete namespaces ${ours}`);
    expect(report.verified).toBe(false);
    expect(await namesIn(others, 'configmaps')).toContain('configmap/bystander');
    await until('the namespace is gone', async () => (await cluster.get('namespace', ours)) === undefined);
  });
});

describe('a pod that comes again without a maker that Kubernetes knows', () => {
  itOnOwnCluster('goes as often as it comes, and what others make stays', async () => {
    // The deaf pod keeps post busy until the other one has come again.
    const { namespace, session, deaf, left } = await scene({ gracePeriod: '10s' });
    let hasEnded = false;
    const post = session.post().finally(() => {
      hasEnded = true;
    });
    await until('the deletion has begun', () => isLeaving(deaf));
    // As an operator does that watches its pods.
    await until('the pod is gone', async () => (await cluster.get('pod', 'polite', namespace)) === undefined);
    await cluster.pod({ namespace, name: 'polite', labels: session.label, until: 'created' });
    expect(hasEnded).toBe(false);
    const report = await post;
    expect(outcomes(report)).not.toContain('failed');
    expect(report.verified).toBe(true);
    expect(await left()).toEqual(OURS_GONE);
  });
});
