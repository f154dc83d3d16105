import * as types from './types';

/** Groups of settings, in the README and in the command line's help. */
export type OptionGroup = 'benchmark' | 'ownership' | 'timing' | 'removal' | 'providers' | 'files';

/** A setting as an option of the command line: `--grace-period`. */
interface SettingOption {
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
  /** Replaces the option's, where there is no option. */
  readonly group?: OptionGroup;
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

/** A setting that the command line does not have. */
function actionOnly<S extends Setting<unknown>>(group: OptionGroup, of: S): S {
  return { ...of, group };
}

/**
 * Every setting. `npm run build` makes `action.yml` and the README's tables from this one, and a
 * check keeps them equal. `inputName` turns a key into the input's name.
 */
export const settings = {
  run: actionOnly(
    'benchmark',
    optional(types.text, 'The benchmark: shell commands that main runs. Empty: the job’s later steps are the benchmark.'),
  ),
  shell: actionOnly(
    'benchmark',
    setting(types.shell, 'bash', 'Runs `run`, as in a workflow step: `bash`, `sh`, `pwsh`, `python`, or a template with `{0}`.'),
  ),
  workingDirectory: optional(types.path, 'The directory of `run`.', {
    group: 'benchmark',
    help: 'The directory of the command.',
  }),
  timeout: optional(
    types.positiveDuration,
    'Time limit of the benchmark: SIGTERM to its process group, SIGKILL after `grace-period`, then exit code 124.',
    {
      group: 'benchmark',
      help: 'Time limit of the command: SIGTERM to its process group, SIGKILL after `grace-period`, then exit code 124.',
    },
  ),
  labels: optional(
    types.labelFilters,
    'More owned resources, by label: each line is `key` or `key=value`; commas in a line mean AND, lines mean OR. In a value, `*` is a wildcard and `\\,` a comma. A bare key that tools set for everyone, such as `com.docker.compose.project`, is refused.',
    {
      group: 'ownership',
      help: 'Also remove resources with this label, unless another session owns them: `key` or `key=value`. Labels joined by commas must all match. In a value, `*` is a wildcard and `\\,` a comma.',
      singular: '--label',
    },
  ),
  namePrefixes: optional(
    types.namePrefixes,
    'More owned resources, by name: prefixes of the names of containers, networks, volumes, sandboxes and services, one a line; `*` is a wildcard: `sweb.eval.*.run-17`.',
    {
      group: 'ownership',
      help: 'Also remove containers, networks, volumes and sandboxes whose name starts with this (`*` is a wildcard), unless another session owns them.',
      singular: '--name-prefix',
    },
  ),
  scope: setting(
    types.choice('session', 'job'),
    'session',
    '`session`: resources that carry the session’s label or match `labels` or `name-prefixes`. `job`: also everything else created on the engine between main’s start and post, unless another session owns it. Use `job` only on runners that nothing else uses.',
    {
      group: 'ownership',
      help: '`session`: resources that carry the session’s label or match `labels` or `name-prefixes`. `job`: also everything else created on the engine while the command runs, unless another session owns it. Use `job` only on machines that nothing else uses.',
    },
  ),
  docker: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: used if an engine answers, else reported as skipped. `true`: main fails without an engine. `false`: not used.',
    { group: 'providers', help: '`auto`: used if an engine answers. `true`: an engine must answer. `false`: not used.' },
  ),
  dockerHost: optional(
    types.endpoints,
    'Address of the engine: `unix://`, `npipe://`, `tcp://`, `ssh://`. Default: `DOCKER_HOST`, the current docker context, then the usual sockets (root, rootless, Docker Desktop, Colima, Podman). Several engines, one a line, are separate providers.',
    {
      group: 'providers',
      help: 'Address of the engine, which must answer: `unix://`, `npipe://`, `tcp://`, `ssh://`. Default: DOCKER_HOST, the current docker context, then the usual sockets (root, rootless, Docker Desktop, Colima, Podman).',
    },
  ),
  watchdog: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: when the runner is killed before post ran, a process that main left on the machine cleans up as post would in a cancelled job. On Linux and macOS, not in a job with a container. `true`: main fails without the watchdog. `false`: no watchdog.',
    {
      group: 'timing',
      help: '`auto`: when run is killed (SIGKILL, memory), a process beside it ends the command and cleans up. On Linux and macOS, not where all processes end with run (a container). `true`: fails without the watchdog. `false`: no watchdog.',
    },
  ),
  proxy: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: a proxy labels everything that later steps and `run` create on the engine and on Daytona; `DOCKER_HOST` and `DAYTONA_API_URL` lead to it. Only for one local engine, on Linux and macOS. `true`: main fails without the proxy. `false`: no proxy, you add the label yourself.',
    {
      group: 'ownership',
      help: '`auto`: a proxy in this process labels everything that the command creates on the engine and on Daytona; DOCKER_HOST and DAYTONA_API_URL lead to it. Only for one local engine, on Linux and macOS. `true`: fails without the proxy. `false`: no proxy, the command adds the label itself.',
    },
  ),
  daytona: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: used if an API key is set, else reported as skipped. `true`: main fails without a key that Daytona accepts. `false`: not used.',
    {
      group: 'providers',
      help: '`auto`: used if an API key is set. `true`: a key must be set, and Daytona must answer. `false`: not used.',
    },
  ),
  daytonaApiKey: actionOnly(
    'providers',
    secret(
      'Daytona’s API key. Default: `DAYTONA_API_KEY`, or the JWT in `DAYTONA_JWT_TOKEN`. Masked in logs, and never written to files.',
    ),
  ),
  daytonaApiUrl: optional(
    types.httpUrl,
    'Address of Daytona’s API. Default: `DAYTONA_API_URL`, then `https://app.daytona.io/api`.',
    { group: 'providers' },
  ),
  daytonaOrganizationId: optional(
    types.text,
    'Daytona’s organization; required with a JWT. Default: `DAYTONA_ORGANIZATION_ID`.',
    {
      group: 'providers',
    },
  ),
  kubernetes: setting(
    types.autoOrBoolean,
    'auto',
    '`auto`: used if there is a kubeconfig or the service account of a pod, and `kubernetes-namespaces`, `kubernetes-contexts`, `kubeconfig` or `labels` say what is owned; with `labels` alone, `~/.kube/config` is left alone. `true`: main fails without a cluster. `false`: not used.',
    {
      group: 'providers',
      help: '`auto`: used if there is a kubeconfig or the service account of a pod, and `kubernetes-namespaces`, `kubernetes-contexts`, `kubeconfig` or `labels` say what is owned; with `labels` alone, `~/.kube/config` is left alone. `true`: a cluster must answer. `false`: not used.',
    },
  ),
  kubeconfig: optional(
    types.path,
    'Path of a kubeconfig. Default: `KUBECONFIG`, `~/.kube/config`, then the service account of the pod that the job runs in.',
    { group: 'providers' },
  ),
  kubernetesContexts: optional(
    types.lines,
    'Contexts of the kubeconfig, one a line, each a provider of its own. Default: the current one.',
    { group: 'providers', singular: '--kubernetes-context' },
  ),
  kubernetesNamespaces: optional(
    types.namespaces,
    'Namespaces to look in, one a line. Default: the context’s. With `scope: job`, everything that is new in them goes: name only namespaces that nothing else uses.',
    { group: 'providers', singular: '--kubernetes-namespace' },
  ),
  resources: setting(
    types.resourceKinds,
    'containers networks volumes sandboxes services pods',
    'Kinds of resources to clean. `services`: Swarm’s, with secrets and configs; and Kubernetes’, with ingresses, network policies, config maps and secrets. `pods`: with what makes them (jobs, deployments and the like). `claims` (of persistent volumes), `releases` (Helm’s) and `namespaces` can be added, and kinds of custom resources: `sandboxes.agents.x-k8s.io`. `images` can be added: images and tags that appeared on the engine while the session ran (pulled, loaded, built, tagged, committed) and that no one else uses, but none that existed before. So can `builders`: buildx’s builders in containers that the session created, with their state volume and their file; and `build-cache`: what BuildKit’s cache on the engine got during the session, unless another session was at work.',
    { group: 'ownership' },
  ),
  preCleanup: setting(
    types.choice('none', 'stale', 'stopped', 'all'),
    'stale',
    '`none`; `stale`: leftovers of sessions that are over, and owned resources older than `max-age`; `stopped`: also owned containers that are not running; `all`: everything owned by sessions that are not known to be live. Resources are owned if they carry this action’s label or match `labels` or `name-prefixes`.',
    {
      group: 'timing',
      help: 'Removes before the command starts: `none`: nothing; `stale`: leftovers of this user’s ended sessions on this host, and owned resources older than `max-age`; `stopped`: also owned containers that are not running; `all`: everything owned by sessions that are not known to be live. Resources are owned if they carry this action’s label or match `labels` or `name-prefixes`.',
    },
  ),
  maxAge: setting(
    types.positiveDuration,
    '24h',
    'See `pre-cleanup`. The age of an image is that of its last tag on this engine.',
    {
      group: 'timing',
      help: 'Resources older than this are stale, whichever session made them.',
    },
  ),
  maxAgeFailed: optional(
    types.positiveDuration,
    'The same for containers and sandboxes that have stopped or failed. Default: `max-age`.',
    { group: 'timing' },
  ),
  githubToken: actionOnly('timing', {
    ...secret(
      'Asks GitHub whether the run that left something is over (`permissions: actions: read`). Without it, or where it may not see the run, `max-age` decides. Masked, and never written anywhere.',
    ),
    expression: '${{ github.token }}',
  }),
  maxContainers: optional(
    types.integer(0),
    'After pre-cleanup, remove owned containers, stopped first, then oldest, until this many are left on each engine. Containers of other runners’ live sessions count but stay.',
    {
      group: 'timing',
      help: 'Before the command starts, remove containers until this many are left on each engine: stopped ones first, then the oldest.',
    },
  ),
  maxSandboxes: optional(types.integer(0), 'The same for Daytona’s sandboxes.', { group: 'timing' }),
  imageBudget: optional(
    types.space,
    'The space that images may take on each engine: `50GiB`, or `40%` of the file system that holds the engine’s data. Before the benchmark, images that no container uses are removed, the longest unused first, until they fit.',
    {
      group: 'timing',
      help: 'The space that images may take on each engine: `50GiB`, or `40%` of the file system that holds the engine’s data. Before the command starts, images that no container uses are removed, the longest unused first, until they fit.',
    },
  ),
  minFreeDisk: optional(
    types.space,
    'The space to be free on the file system that holds the engine’s data: `20GiB` or `10%`. Before the benchmark, images are removed in the same way until so much is free. If it can’t be had, main warns, or fails with `fail-on-error`.',
    {
      group: 'timing',
      help: 'The space to be free on the file system that holds the engine’s data: `20GiB` or `10%`. Before the command starts, images are removed in the same way until so much is free. If it can’t be had, there is a warning; with `fail-on-error`, the command does not start.',
    },
  ),
  keepImages: optional(
    types.imageGlobs,
    'Images that `image-budget` and `min-free-disk` spare, one a line; `*` is a wildcard: `python:3.12-*`. A name without a tag means all its tags.',
    {
      group: 'timing',
      help: 'Images that `image-budget` and `min-free-disk` spare; `*` is a wildcard: `python:3.12-*`. A name without a tag means all its tags.',
      singular: '--keep-image',
    },
  ),
  buildCacheBudget: optional(
    types.size,
    'The space that BuildKit’s cache may take on each engine: `20GiB`. Before the benchmark, the longest unused cache is removed until it fits. What a build uses stays, and so does what was used since another live session began.',
    {
      group: 'timing',
      help: 'The space that BuildKit’s cache may take on each engine: `20GiB`. Before the command starts, the longest unused cache is removed until it fits. What a build uses stays, and so does what was used since another live session began.',
    },
  ),
  exitedTtl: optional(
    types.duration,
    'While `run` runs, remove the session’s containers this long after they exit (per-task cleanup); their logs are kept first.',
    {
      group: 'benchmark',
      help: 'While the command runs, remove the session’s containers this long after they exit (per-task cleanup). Their logs are kept first.',
    },
  ),
  sandboxTtl: optional(
    types.durationOfAtLeast(300_000, '5m'),
    'Until post cleans up, or while `run` runs, Daytona’s sandboxes of the session are given this time to live (at least `5m`), and given it anew every third of it: so they end by themselves when the runner and its machine are gone.',
    {
      group: 'benchmark',
      help: 'While the command runs, Daytona’s sandboxes of the session are given this time to live (at least `5m`), and given it anew every third of it: so they end by themselves when this machine is gone.',
    },
  ),
  postCleanup: setting(
    types.choice('always', 'success', 'failure', 'never'),
    'always',
    'When post cleans up: `always`, only after `success` or `failure` of the job, or `never`.',
    { group: 'timing', help: 'When to clean up after the command: `always`, only after `success` or `failure`, or `never`.' },
  ),
  delay: setting(types.duration, '0s', 'Wait this long before post cleans up, for debugging.', {
    group: 'timing',
    help: 'Wait this long before cleaning up, for debugging. A signal ends the wait.',
  }),
  gracePeriod: setting(types.duration, '5s', 'Time between the stop signal and SIGKILL; `0s` kills at once.', {
    group: 'removal',
  }),
  stopTimeout: setting(
    types.positiveDuration,
    '15s',
    'Time limit of one stop request, after which a kill is tried. If it is not longer than `grace-period`, `grace-period` + 10 s.',
    { group: 'removal' },
  ),
  killTimeout: setting(types.positiveDuration, '5s', 'Time limit of one kill request, after which a removal is tried.', {
    group: 'removal',
  }),
  removeTimeout: setting(types.positiveDuration, '10s', 'Time limit of one removal request.', { group: 'removal' }),
  retries: setting(types.integer(0), '3', 'Number of retries after an error that may pass, with exponential backoff.', {
    group: 'removal',
  }),
  retryDelay: setting(
    types.duration,
    '2s',
    'Wait before the first retry, plus up to 25 %; a server’s `Retry-After` replaces it.',
    {
      group: 'removal',
    },
  ),
  retryFactor: setting(types.number(1), '2', 'Factor by which each further wait is longer: 2 s, 4 s, 8 s.', { group: 'removal' }),
  skipGraceWhenDeaf: setting(
    types.boolean,
    'true',
    'Kill containers at once, without a grace period, if they visibly ignore their stop signal (local engines only).',
    { group: 'removal' },
  ),
  concurrency: setting(
    types.integer(1),
    '16',
    'Maximum number of engine or API requests in flight; waiting out a grace period does not count.',
    { group: 'removal' },
  ),
  deadline: setting(
    types.positiveDuration,
    '4m',
    'Time limit of one whole cleanup. Near its end, grace periods are shortened, then skipped. Resources that are left are reported with the commands that remove them.',
    { group: 'removal' },
  ),
  workspaceOwnership: setting(
    types.reportOrRestore,
    'report',
    'Files in the workspace that the session’s containers left to other users (root, mostly) and that the runner’s user can’t delete: `report`: post counts them; `restore`: post gives them to the runner’s user; `false`. On Linux, where the runner is not root.',
    {
      group: 'files',
      help: 'Files in the working directory that the session’s containers left to other users (root, mostly) and that you can’t delete: `report`: counts them; `restore`: gives them to you; `false`. By default they are not looked for. On Linux.',
      hidesDefault: true,
    },
  ),
  failFast: setting(types.boolean, 'false', 'Stop at the first permanent failure, for debugging; the rest is kept.', {
    group: 'removal',
  }),
  failOnError: setting(
    types.boolean,
    'false',
    '`true`: the step fails if a resource could not be removed. `false`: one warning annotation.',
    {
      group: 'timing',
      help: 'Exit with 1 instead of 0 if a resource could not be removed. The command does not start if pre-cleanup failed to remove one.',
    },
  ),
  dryRun: setting(types.boolean, 'false', 'List and report resources, but remove nothing.', { group: 'timing' }),
  logs: setting(
    types.choice('failed', 'all', 'none'),
    'failed',
    'Containers whose logs to keep: `failed` (exit code other than 0, out of memory, dead), `all`, `none`.',
    { group: 'files' },
  ),
  logsPath: setting(
    types.path,
    '$RUNNER_TEMP/cleanup-action/logs',
    'Directory of the logs: one file for each container, stdout and stderr interleaved, with timestamps. A long log keeps its end.',
    { group: 'files', hidesDefault: true },
  ),
  logLimit: setting(types.size, '10MiB', 'Size limit of each container’s log.', { group: 'files' }),
  logsLimit: setting(types.size, '200MiB', 'Size limit of all logs of a session.', { group: 'files' }),
  reportPath: setting(types.path, '$RUNNER_TEMP/cleanup-action/report.json', 'Path of the JSON report.', {
    group: 'files',
    hidesDefault: true,
  }),
  metricsPath: optional(types.path, 'Path of a Prometheus text file, for node_exporter’s textfile collector.', {
    group: 'files',
  }),
  summary: actionOnly('files', setting(types.boolean, 'true', 'Write the job summary.')),
  jobStatus: actionOnly('timing', setting(types.text, '${{ job.status }}', 'For internal use: post reads the job’s status.')),
} as const;

export type SettingKey = keyof typeof settings;

export const settingKeys = Object.keys(settings) as readonly SettingKey[];

/** The heading under which the README has a setting. */
export function groupOf({ group, option }: Setting<unknown>): OptionGroup {
  const found = group ?? option?.group;
  if (found === undefined) throw new Error('a setting without an option needs a group: actionOnly');
  return found;
}

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
  removed: 'Number of resources that pre-cleanup removed.',
  failed: 'Number of resources that pre-cleanup could not remove.',
  report: 'Path of the JSON report.',
  logs: 'Path of the directory with the containers’ logs.',
} as const;

export type OutputName = keyof typeof outputs;
