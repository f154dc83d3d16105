import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { inPlaceEnvironment, isInPlaceOfRunner, loadState, MainStateWriter, stateCopyIn } from '../../../src/action/state';
import { thisProcess } from '../../../src/lib/process-identity';

const ID = 'gh-1-1.3f9a1c22.k3v9q0xw';
const OTHER = 'gh-1-1.3f9a1c22.aaaaaaaa';
const MAIN = { session: { id: ID, labels: {} }, settings: { labels: 'team=a', retries: '1' }, process: thisProcess() };
const FOUND = { docker: { url: 'unix:///run/docker.sock', from: 'DOCKER_HOST' } };

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Loads what the runner hands to post: a value of JSON, or text as it is. */
function load(state: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv = {}) {
  for (const [name, value] of Object.entries(state)) {
    vi.stubEnv(`STATE_${name}`, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return loadState(env);
}

describe('main’s state', () => {
  it('comes back as it was saved, the last value of each', () => {
    const directory = mkdtempSync(join(tmpdir(), 'state-'));
    const path = join(directory, 'state');
    writeFileSync(path, '');
    vi.stubEnv('GITHUB_STATE', path);
    const state = new MainStateWriter(directory);
    state.save('main', { ...MAIN, session: { id: ID, labels: {} } });
    state.save('found', FOUND);
    state.save('benchmark', 4711);
    state.save('benchmark', 'ended');
    state.save('ended', true);
    // The runner's part: the last value of each name becomes a variable of post's.
    const saved = [...readFileSync(path, 'utf8').matchAll(/^(.+?)<<(ghadelimiter_\S+)\n(.*?)\n\2$/gms)];
    const handed = Object.fromEntries(saved.map(([, name = '', , value = '']) => [name, value]));
    const copy = JSON.parse(readFileSync(stateCopyIn(directory), 'utf8'));
    rmSync(directory, { recursive: true });
    expect(copy, 'the copy for a watchdog').toEqual(handed);
    expect(load(handed)).toEqual({
      sessionId: ID,
      settings: MAIN.settings,
      process: MAIN.process,
      found: FOUND,
      hasBegun: true,
      benchmark: 'ended',
      hasEnded: true,
      problems: [],
    });
  });

  it('is read from its copy in the place of the runner’s post, in a job that was cancelled', () => {
    const directory = mkdtempSync(join(tmpdir(), 'state-'));
    vi.stubEnv('GITHUB_STATE', join(directory, 'of-runner'));
    writeFileSync(join(directory, 'of-runner'), '');
    new MainStateWriter(directory).save('main', MAIN);
    const env = inPlaceEnvironment({ GITHUB_STATE: '/gone', DAYTONA_API_KEY: 'key' }, stateCopyIn(directory));
    const state = load({ main: { ...MAIN, settings: { labels: 'of=another' } } }, { ...env });
    rmSync(directory, { recursive: true });
    expect(state).toMatchObject({ sessionId: ID, settings: MAIN.settings, hasBegun: false });
    expect(isInPlaceOfRunner(env)).toBe(true);
    expect(isInPlaceOfRunner({})).toBe(false);
    expect(env).toMatchObject({ DAYTONA_API_KEY: 'key', 'INPUT_JOB-STATUS': 'cancelled' });
    expect(env).not.toHaveProperty('GITHUB_STATE');
  });

  it('is read as main wrote it', () => {
    expect(load({ main: MAIN, found: FOUND, benchmark: 4711, ended: 'true' })).toEqual({
      sessionId: ID,
      settings: MAIN.settings,
      process: MAIN.process,
      found: FOUND,
      hasBegun: true,
      benchmark: 4711,
      hasEnded: true,
      problems: [],
    });
  });

  it('is empty when main died before it saved anything, whatever the environment says', () => {
    expect(load({}, { CLEANUP_SESSION_ID: OTHER })).toMatchObject({
      sessionId: undefined,
      settings: {},
      found: {},
      problems: [],
    });
  });
});

describe('a session that can’t be read', () => {
  const broken: readonly (readonly [string, unknown])[] = [
    ['half a value', '{"session":{"id":"gh-1'],
    ['another shape', { session: ID }],
    ['a number', { session: { id: 7 } }],
    ['a path', { session: { id: '../../etc' } }],
    ['another form', { session: { id: 'gh-1-1.xyz.k3v9q0xw' } }],
    ['no object', '[]'],
    ['null', 'null'],
  ];

  it.each(broken)('(%s) is the environment’s, with one line', (_, main) => {
    const { sessionId, problems } = load({ main }, { CLEANUP_SESSION_ID: ID, CLEANUP_JOB_SESSIONS: `hook.1.host.runner ${ID}` });
    expect(sessionId).toBe(ID);
    expect(problems.filter((line) => line.includes('session'))).toHaveLength(1);
  });

  it.each(broken)('(%s) is none where the environment’s may be another use’s of the action', (_, main) => {
    const { sessionId, problems } = load({ main }, { CLEANUP_SESSION_ID: OTHER, CLEANUP_JOB_SESSIONS: `${ID} ${OTHER}` });
    expect(sessionId).toBeUndefined();
    expect(problems.filter((line) => line.includes('session'))).toHaveLength(1);
  });

  it('is not that of a hook of the runner', () => {
    const hook = 'hook.1.host.runner';
    expect(load({ main: '{' }, { CLEANUP_SESSION_ID: hook, CLEANUP_JOB_SESSIONS: hook }).sessionId).toBeUndefined();
  });
});

describe('one field that can’t be read', () => {
  it('of the settings costs that setting alone', () => {
    const { settings, sessionId, problems } = load({
      main: { ...MAIN, settings: { labels: ['team=a'], retries: '1', no: 'such' } },
    });
    expect({ settings, sessionId }).toEqual({ settings: { retries: '1' }, sessionId: ID });
    expect(problems).toHaveLength(1);
  });

  it.each([
    ['none', undefined],
    ['text', 'retries: 1'],
    ['a list', []],
  ])('that is all settings (%s) leaves the session', (_, settings) => {
    const state = load({ main: { ...MAIN, settings } });
    expect(state).toMatchObject({ settings: {}, sessionId: ID });
    expect(state.problems).toHaveLength(1);
  });

  it('of the endpoints leaves the others', () => {
    const { found, problems } = load({ main: MAIN, found: { ...FOUND, daytona: 'https://app', other: { url: 7 } } });
    expect(found).toEqual(FOUND);
    expect(problems).toHaveLength(1);
  });

  it.each(['{"docker":', '[]', '"docker"', '7'])('that is all endpoints (%s) is a new search', (found) => {
    expect(load({ main: MAIN, found })).toMatchObject({ found: {}, hasBegun: true, problems: [expect.any(String)] });
  });

  it.each(['-1', '0', '1', '1.5', '1e99', '"4711"', '{}', 'soon', ''])(
    'of the benchmark’s process group (%s) is none: it would mean other processes to kill',
    (benchmark) => {
      expect(load({ main: MAIN, found: FOUND, benchmark }).benchmark).toBeUndefined();
    },
  );

  it.each([{ pid: -1, startedAt: '' }, { pid: 0, startedAt: '' }, { pid: '7', startedAt: '' }, 7, null])(
    'of main’s process (%o) is none',
    (process) => {
      expect(load({ main: { ...MAIN, process } }).process).toBeUndefined();
    },
  );
});

it('whatever the saved state is, it is read: none of it can keep post from cleaning', () => {
  const value = fc.oneof(fc.json(), fc.string(), fc.constantFrom('', 'null', '{}', '[]', '"x"', '{"__proto__":{"session":1}}'));
  const fields = fc.dictionary(fc.constantFrom('session', 'settings', 'process', 'labels', 'docker'), fc.jsonValue());
  const whole = fields.map((object) => JSON.stringify(object));
  const state = fc.dictionary(fc.constantFrom('main', 'found', 'benchmark', 'ended'), fc.oneof(value, whole));
  fc.assert(
    fc.property(state, (saved) => {
      vi.unstubAllEnvs();
      expect(() => load(saved)).not.toThrow();
    }),
    { numRuns: 1_000 },
  );
});
