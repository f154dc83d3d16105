import * as types from './types';

/** One setting: an input of the action, and an option of the command line. */
export interface Setting<T> {
  readonly type: types.SettingType<T>;
  /** As a user would type it. Empty: not set. */
  readonly default: string;
  /** Markdown, one line. It stands in action.yml, in the README and in `--help`. */
  readonly description: string;
  /** Never written anywhere; masked in logs. */
  readonly secret?: boolean;
}

/** A setting with a value of its own when nobody sets it. */
type WithDefault<T> = Setting<T> & { readonly optional: false };
/** A setting that may be absent. */
type Optional<T> = Setting<T> & { readonly optional: true };

function setting<T>(type: types.SettingType<T>, byDefault: string, description: string): WithDefault<T> {
  return { type, default: byDefault, description, optional: false };
}

function optional<T>(type: types.SettingType<T>, description: string): Optional<T> {
  return { type, default: '', description, optional: true };
}

function secret(description: string): Optional<string> {
  return { ...optional(types.text, description), secret: true };
}

/**
 * Every setting, once. `action.yml`, the README's table and the validation are made from this table (`npm run build`); a check
 * keeps them so. A key's kebab-case is the input's name: see `inputName`.
 */
export const settings = {
  run: optional(types.text, 'The benchmark: shell commands run by main. Empty: the rest of the job’s steps are the benchmark.'),
  shell: setting(
    types.shell,
    'bash',
    'Runs `run`, as in a workflow step: `bash`, `sh`, `pwsh`, `python`, or a template with `{0}`.',
  ),
  workingDirectory: optional(types.path, 'Where `run` runs.'),
  timeout: optional(
    types.positiveDuration,
    'Ends the benchmark: SIGTERM to its process group, SIGKILL after `grace-period`; main fails with exit code 124.',
  ),
  labels: optional(
    types.labelFilters,
    'Ownership filters besides the session’s own label: a line is `key` or `key=value`, commas in a line are AND, lines are OR.',
  ),
  namePrefixes: optional(
    types.lines,
    'Ownership by name: containers, networks, volumes and sandboxes whose name starts so, one prefix a line.',
  ),
  scope: setting(
    types.choice('session', 'job'),
    'session',
    '`session`: what carries the session’s label or matches the filters. `job`: also everything created on the engine between main’s start and post which no other session owns (single-tenant runners).',
  ),
  docker: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: used when an engine answers, else reported as skipped. `true`: main fails without one. `false`: left alone.',
  ),
  dockerHost: optional(
    types.endpoints,
    'Engine endpoint: `unix://`, `npipe://`, `tcp://`, `ssh://`. Default: `DOCKER_HOST`, the current docker context, then the well-known sockets (root, rootless, Docker Desktop, Colima, Podman). Several, one a line: each is swept as a provider of its own.',
  ),
  daytona: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: used when an API key is known, and Daytona takes it; else reported as skipped. `true`: main fails without one. `false`: left alone.',
  ),
  daytonaApiKey: secret(
    'Key for Daytona’s API. Default: `DAYTONA_API_KEY`, or the JWT in `DAYTONA_JWT_TOKEN`. Masked, and never written anywhere.',
  ),
  daytonaApiUrl: optional(
    types.httpUrl,
    'Where Daytona’s API is. Default: `DAYTONA_API_URL`, then `https://app.daytona.io/api`.',
  ),
  daytonaOrganizationId: optional(types.text, 'The organization, which a JWT needs. Default: `DAYTONA_ORGANIZATION_ID`.'),
  resources: setting(
    types.resourceKinds,
    'containers networks volumes sandboxes',
    'Kinds to clean; `images` can be added (images built by the session or left by removed containers and used by nothing else).',
  ),
  preCleanup: setting(
    types.choice('none', 'stale', 'stopped', 'all'),
    'stale',
    '`none`; `stale`: owned leftovers of finished sessions (same runner, another session) and any owned resource older than `max-age`; `stopped`: `stale` and every owned container and sandbox that is not running; `all`: every owned resource of every other session. “Owned” is: carries this action’s label, or matches `labels` or `name-prefixes`.',
  ),
  maxAge: setting(types.positiveDuration, '24h', 'See `pre-cleanup`.'),
  maxContainers: optional(
    types.integer(0),
    'After pre-cleanup, remove owned containers, stopped first, then oldest, until this many are left on each engine. What may be running in another runner’s live session counts, and stays.',
  ),
  maxSandboxes: optional(types.integer(0), 'The same for Daytona’s sandboxes.'),
  exitedTtl: optional(
    types.duration,
    'While `run` runs, remove the session’s containers this long after they exit (per-task cleanup); their logs are kept first.',
  ),
  postCleanup: setting(
    types.choice('always', 'success', 'failure', 'never'),
    'always',
    'When post cleans: `always`, on `success` or on `failure` of the job, `never`.',
  ),
  delay: setting(types.duration, '0s', 'Wait before post cleans, for debugging.'),
  gracePeriod: setting(types.duration, '5s', 'Between the stop signal and SIGKILL; `0s` kills at once.'),
  stopTimeout: setting(
    types.positiveDuration,
    '15s',
    'How long one stop request may take before the kill is tried. Not longer than `grace-period`: `grace-period` + 10 s.',
  ),
  killTimeout: setting(types.positiveDuration, '5s', 'How long one kill request may take before the removal is tried.'),
  removeTimeout: setting(types.positiveDuration, '10s', 'How long one removal request may take.'),
  retries: setting(types.integer(0), '3', 'Further attempts after a retryable error, with exponential backoff.'),
  retryDelay: setting(types.duration, '2s', 'Wait before the first retry, a little longer by chance; `Retry-After` wins.'),
  retryFactor: setting(types.number(1), '2', 'Each further wait is so many times longer: 2 s, 4 s, 8 s.'),
  skipGraceWhenDeaf: setting(
    types.boolean,
    'true',
    'Kill at once what can be seen to ignore its stop signal (local engine): it would only use up its grace period.',
  ),
  concurrency: setting(
    types.integer(1),
    '16',
    'Engine or API calls in flight that do work; waiting out a grace period does not count.',
  ),
  deadline: setting(
    types.positiveDuration,
    '4m',
    'For one whole cleanup. As it nears, grace is cut short, then skipped. What is left is reported with the command that removes it.',
  ),
  failFast: setting(types.boolean, 'false', 'Stop at the first permanent failure (debugging); the rest is reported as kept.'),
  failOnError: setting(types.boolean, 'false', '`true`: a leftover or failure fails the step. Otherwise one warning annotation.'),
  dryRun: setting(types.boolean, 'false', 'List and report, remove nothing.'),
  logs: setting(
    types.choice('failed', 'all', 'none'),
    'failed',
    'Keep container logs before removal: `failed` (non-zero exit, OOM, dead), `all`, `none`.',
  ),
  logsPath: setting(
    types.path,
    '$RUNNER_TEMP/cleanup-action/logs',
    'One file a container, stdout and stderr interleaved with timestamps, the end kept when cut.',
  ),
  logLimit: setting(types.size, '10MiB', 'For one container’s log.'),
  logsLimit: setting(types.size, '200MiB', 'For all logs of a session.'),
  reportPath: setting(types.path, '$RUNNER_TEMP/cleanup-action/report.json', 'The JSON report.'),
  metricsPath: optional(types.path, 'Prometheus text file (node_exporter’s textfile collector reads it).'),
  summary: setting(types.boolean, 'true', 'Write the job summary.'),
  jobStatus: setting(types.text, '${{ job.status }}', 'Read in post; leave it alone.'),
} as const;

export type SettingKey = keyof typeof settings;

export const settingKeys = Object.keys(settings) as readonly SettingKey[];

/** The input's name: `gracePeriod` is `grace-period`. */
export function inputName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What main tells later steps. */
export const outputs = {
  'session-id': 'The session’s id.',
  label: 'The session’s label, `key=value`, for `docker run --label`.',
  'label-file': 'Path of a file with the session’s labels, for `docker run --label-file`.',
  'exit-code': 'The benchmark’s exit code; empty without `run`.',
  removed: 'Resources that pre-cleanup removed.',
  failed: 'Resources that pre-cleanup could not remove.',
  report: 'Path of the JSON report.',
  logs: 'Path of the directory with the containers’ logs.',
} as const;

export type OutputName = keyof typeof outputs;
