import * as types from './types';

/** Groups of options in the command line's help. */
export type OptionGroup = 'benchmark' | 'ownership' | 'timing' | 'removal' | 'providers' | 'files';

/** A setting as an option of the command line: `--grace-period`. */
export interface SettingOption {
  readonly group: OptionGroup;
  /** Replaces a description that speaks of jobs, steps, main, post or lines. */
  readonly help?: string;
  /** The name for one item of a list: `--label`. */
  readonly singular?: string;
  /** Keeps a default that depends on the session out of the help. */
  readonly hidesDefault?: true;
}

/** One setting: an input of the action, and an option of the command line. */
export interface Setting<T> {
  readonly type: types.SettingType<T>;
  /** As a user would type it; empty if not set. */
  readonly default: string;
  /** One line of Markdown, for action.yml, the README and `--help`. */
  readonly description: string;
  /** Default in action.yml: an expression, which only GitHub's runner evaluates. */
  readonly expression?: string;
  /** Never written; masked in logs. */
  readonly secret?: boolean;
  /** Absent if the command line does not have it. */
  readonly option?: SettingOption;
}

type WithDefault<T> = Setting<T> & { readonly optional: false };
type Optional<T> = Setting<T> & { readonly optional: true };

function setting<T>(type: types.SettingType<T>, byDefault: string, description: string, option?: SettingOption): WithDefault<T> {
  return { type, default: byDefault, description, optional: false, ...(option && { option }) };
}

function optional<T>(type: types.SettingType<T>, description: string, option?: SettingOption): Optional<T> {
  return { type, default: '', description, optional: true, ...(option && { option }) };
}

function secret(description: string): Optional<string> {
  return { ...optional(types.text, description), secret: true };
}

/**
 * Every setting. `npm run build` makes `action.yml` and the README's table from this one, and a
 * check keeps them equal. `inputName` turns a key into the input's name.
 */
export const settings = {
  run: optional(types.text, 'The benchmark: shell commands run by main. Empty: the rest of the job’s steps are the benchmark.'),
  shell: setting(
    types.shell,
    'bash',
    'Runs `run`, as in a workflow step: `bash`, `sh`, `pwsh`, `python`, or a template with `{0}`.',
  ),
  workingDirectory: optional(types.path, 'Where `run` runs.', { group: 'benchmark', help: 'The directory the command runs in.' }),
  timeout: optional(
    types.positiveDuration,
    'Ends the benchmark: SIGTERM to its process group, SIGKILL after `grace-period`; main fails with exit code 124.',
    {
      group: 'benchmark',
      help: 'Ends the command: SIGTERM to its process group, SIGKILL after `grace-period`. The exit code is then 124.',
    },
  ),
  labels: optional(
    types.labelFilters,
    'Ownership filters besides the session’s own label: a line is `key` or `key=value`, commas in a line are AND, lines are OR. In a value, `*` is a wildcard and `\\,` a comma. A bare key that tools set for everyone, such as `com.docker.compose.project`, is refused.',
    {
      group: 'ownership',
      help: 'Also remove what carries these labels and no other session’s: `key` or `key=value`. Labels joined by commas must all match. In a value, `*` is a wildcard and `\\,` a comma.',
      singular: '--label',
    },
  ),
  namePrefixes: optional(
    types.namePrefixes,
    'Ownership by name: containers, networks, volumes and sandboxes whose name starts so, one prefix a line; `*` is a wildcard: `sweb.eval.*.run-17`.',
    {
      group: 'ownership',
      help: 'Also remove containers, networks, volumes and sandboxes whose name starts with this (`*` is a wildcard) and which carry no other session’s label.',
      singular: '--name-prefix',
    },
  ),
  scope: setting(
    types.choice('session', 'job'),
    'session',
    '`session`: what carries the session’s label or matches the filters. `job`: also everything created on the engine between main’s start and post which no other session owns (single-tenant runners).',
    {
      group: 'ownership',
      help: '`session`: what carries the session’s label or matches `labels` or `name-prefixes`. `job`: also everything created on the engine while the command runs and owned by no other session. Only for machines that nothing else uses.',
    },
  ),
  docker: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: used when an engine answers, else reported as skipped. `true`: main fails without one. `false`: left alone.',
    { group: 'providers', help: '`auto`: used when an engine answers. `true`: an engine must answer. `false`: not used.' },
  ),
  dockerHost: optional(
    types.endpoints,
    'Engine endpoint: `unix://`, `npipe://`, `tcp://`, `ssh://`. Default: `DOCKER_HOST`, the current docker context, then the well-known sockets (root, rootless, Docker Desktop, Colima, Podman). Several, one a line: each is swept as a provider of its own.',
    {
      group: 'providers',
      help: 'Engine endpoint: `unix://`, `npipe://`, `tcp://`, `ssh://`; it must answer. Default: DOCKER_HOST, the current docker context, then the well-known sockets (root, rootless, Docker Desktop, Colima, Podman).',
    },
  ),
  proxy: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: what later steps and `run` create on the engine and on Daytona is labelled on the way, by a proxy to which `DOCKER_HOST` and `DAYTONA_API_URL` lead; for one local engine, on Linux and macOS. `true`: main fails without it. `false`: nothing is exported, and you label.',
    {
      group: 'ownership',
      help: '`auto`: what the command creates on the engine and on Daytona is labelled on the way, by a proxy in this process to which DOCKER_HOST and DAYTONA_API_URL lead; for one local engine, on Linux and macOS. `true`: it must be labelled. `false`: the command labels.',
    },
  ),
  daytona: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: used when an API key is known, and Daytona takes it; else reported as skipped. `true`: main fails without one. `false`: left alone.',
    {
      group: 'providers',
      help: '`auto`: used when an API key is set. `true`: a key must be set, and Daytona must answer. `false`: not used.',
    },
  ),
  daytonaApiKey: secret(
    'Key for Daytona’s API. Default: `DAYTONA_API_KEY`, or the JWT in `DAYTONA_JWT_TOKEN`. Masked, and never written anywhere.',
  ),
  daytonaApiUrl: optional(
    types.httpUrl,
    'Where Daytona’s API is. Default: `DAYTONA_API_URL`, then `https://app.daytona.io/api`.',
    { group: 'providers' },
  ),
  daytonaOrganizationId: optional(types.text, 'The organization, which a JWT needs. Default: `DAYTONA_ORGANIZATION_ID`.', {
    group: 'providers',
  }),
  resources: setting(
    types.resourceKinds,
    'containers networks volumes sandboxes',
    'Kinds to clean; `images` can be added: images that the session built, or that only its removed containers used, never one that was there before.',
    { group: 'ownership' },
  ),
  preCleanup: setting(
    types.choice('none', 'stale', 'stopped', 'all'),
    'stale',
    '`none`; `stale`: owned leftovers of finished sessions (same runner, another session) and any owned resource older than `max-age`; `stopped`: `stale` and every owned container that is not running (a stopped sandbox may be in use); `all`: every owned resource of every other session that is not known to be live. “Owned” is: carries this action’s label, or matches `labels` or `name-prefixes`.',
    {
      group: 'timing',
      help: 'What to remove before the command starts. `none`: nothing. `stale`: what ended sessions of this user on this host left, and what is older than `max-age`. `stopped`: the same, and containers that are not running. `all`: everything of other sessions that are not known to be live. Only what carries this action’s label or matches `labels` or `name-prefixes` is removed.',
    },
  ),
  maxAge: setting(types.positiveDuration, '24h', 'See `pre-cleanup`. An image is as old as its last tag here.', {
    group: 'timing',
    help: 'Anything older than this is stale, no matter which session made it.',
  }),
  maxAgeFailed: optional(
    types.positiveDuration,
    'The same for containers and sandboxes that are stopped or have failed. Default: as `max-age`.',
    { group: 'timing' },
  ),
  githubToken: {
    ...secret(
      'Asks GitHub whether the run that left something is over (`permissions: actions: read`). Without it, or where it may not see the run, `max-age` decides. Masked, and never written anywhere.',
    ),
    expression: '${{ github.token }}',
  },
  maxContainers: optional(
    types.integer(0),
    'After pre-cleanup, remove owned containers, stopped first, then oldest, until this many are left on each engine. What may be running in another runner’s live session counts, and stays.',
    {
      group: 'timing',
      help: 'Before the command starts, remove containers until this many are left on each engine: stopped ones first, then the oldest.',
    },
  ),
  maxSandboxes: optional(types.integer(0), 'The same for Daytona’s sandboxes.', { group: 'timing' }),
  exitedTtl: optional(
    types.duration,
    'While `run` runs, remove the session’s containers this long after they exit (per-task cleanup); their logs are kept first.',
    {
      group: 'benchmark',
      help: 'While the command runs, remove the session’s containers this long after they exit (per-task cleanup). Their logs are kept first.',
    },
  ),
  postCleanup: setting(
    types.choice('always', 'success', 'failure', 'never'),
    'always',
    'When post cleans: `always`, on `success` or on `failure` of the job, `never`.',
    { group: 'timing', help: 'When to clean up after the command: `always`, only after `success` or `failure`, or `never`.' },
  ),
  delay: setting(types.duration, '0s', 'Wait before post cleans, for debugging.', {
    group: 'timing',
    help: 'Wait this long before cleaning up, for debugging. A signal ends the wait.',
  }),
  gracePeriod: setting(types.duration, '5s', 'Between the stop signal and SIGKILL; `0s` kills at once.', { group: 'removal' }),
  stopTimeout: setting(
    types.positiveDuration,
    '15s',
    'How long one stop request may take before the kill is tried. `grace-period` + 10 s where it is not longer than `grace-period`.',
    { group: 'removal' },
  ),
  killTimeout: setting(types.positiveDuration, '5s', 'How long one kill request may take before the removal is tried.', {
    group: 'removal',
  }),
  removeTimeout: setting(types.positiveDuration, '10s', 'How long one removal request may take.', { group: 'removal' }),
  retries: setting(types.integer(0), '3', 'Further attempts after a retryable error, with exponential backoff.', {
    group: 'removal',
  }),
  retryDelay: setting(types.duration, '2s', 'Wait before the first retry, plus a random part; `Retry-After` wins.', {
    group: 'removal',
  }),
  retryFactor: setting(types.number(1), '2', 'Each further wait is this many times longer: 2 s, 4 s, 8 s.', { group: 'removal' }),
  skipGraceWhenDeaf: setting(
    types.boolean,
    'true',
    'Kill at once what visibly ignores its stop signal (local engine), instead of waiting out the grace period.',
    { group: 'removal' },
  ),
  concurrency: setting(
    types.integer(1),
    '16',
    'Engine or API calls in flight that do work; waiting out a grace period does not count.',
    { group: 'removal' },
  ),
  deadline: setting(
    types.positiveDuration,
    '4m',
    'Time limit of one whole cleanup. As it nears, grace is cut short, then skipped. What is left is reported with the command that removes it.',
    { group: 'removal' },
  ),
  failFast: setting(types.boolean, 'false', 'Stop at the first permanent failure (debugging); the rest is reported as kept.', {
    group: 'removal',
    help: 'Stop at the first permanent failure, for debugging. The rest is kept.',
  }),
  failOnError: setting(
    types.boolean,
    'false',
    '`true`: a leftover or failure fails the step. Otherwise one warning annotation.',
    {
      group: 'timing',
      help: 'End with exit code 1 instead of 0 when something could not be removed. If pre-cleanup could not remove something, the command does not start.',
    },
  ),
  dryRun: setting(types.boolean, 'false', 'List and report, remove nothing.', { group: 'timing' }),
  logs: setting(
    types.choice('failed', 'all', 'none'),
    'failed',
    'Keep container logs before removal: `failed` (non-zero exit, OOM, dead), `all`, `none`.',
    { group: 'files' },
  ),
  logsPath: setting(
    types.path,
    '$RUNNER_TEMP/cleanup-action/logs',
    'One file a container, stdout and stderr interleaved with timestamps, the end kept when cut.',
    { group: 'files', hidesDefault: true },
  ),
  logLimit: setting(types.size, '10MiB', 'Size limit of one container’s log.', { group: 'files' }),
  logsLimit: setting(types.size, '200MiB', 'Size limit of all logs of a session.', { group: 'files' }),
  reportPath: setting(types.path, '$RUNNER_TEMP/cleanup-action/report.json', 'The JSON report.', {
    group: 'files',
    hidesDefault: true,
  }),
  metricsPath: optional(types.path, 'Prometheus text file (node_exporter’s textfile collector reads it).', { group: 'files' }),
  summary: setting(types.boolean, 'true', 'Write the job summary.'),
  jobStatus: setting(types.text, '${{ job.status }}', 'Read in post; leave it alone.'),
} as const;

export type SettingKey = keyof typeof settings;

export const settingKeys = Object.keys(settings) as readonly SettingKey[];

/** The input's name: `gracePeriod` is `grace-period`. */
export function inputName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Main's outputs. */
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
