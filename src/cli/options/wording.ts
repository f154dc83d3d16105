import type { SettingKey } from '../../config/settings';

/** What a setting means on the command line, where the action's words speak of jobs, steps, main and post, or of lines. */
export const WORDING: { readonly [key in SettingKey]?: string } = {
  workingDirectory: 'Where the command runs.',
  timeout: 'Ends the command: SIGTERM to its process group, SIGKILL after `grace-period`; the exit code is 124.',
  exitedTtl:
    'While the command runs, remove the session’s containers this long after they exit (per-task cleanup); their logs are kept first.',
  labels:
    'Also what carries these labels and no other session’s: `key` or `key=value`, several joined by commas where all must match.',
  namePrefixes:
    'Also containers, networks, volumes and sandboxes whose name starts so, and which carry no other session’s label.',
  scope:
    '`session`: what carries the session’s label or matches `labels` or `name-prefixes`. `job`: also everything created on the engine while this runs which no other session owns: for machines that nobody else uses.',
  docker: '`auto`: used when an engine answers. `true`: it must. `false`: left alone.',
  dockerHost:
    'Engine endpoint: `unix://`, `npipe://`, `tcp://`, `ssh://`; it must answer. Default: DOCKER_HOST, the current docker context, then the well-known sockets (root, rootless, Docker Desktop, Colima, Podman).',
  daytona: '`auto`: used when an API key is known. `true`: it must be. `false`: left alone.',
  preCleanup:
    'What to remove before: `none`; `stale`: what ended sessions of this user on this host left, and what is older than `max-age`; `stopped`: that, and what does not run; `all`: everything of other sessions but of runs in progress here. It must carry this action’s label, or match `labels` or `name-prefixes`.',
  maxAge: 'What is older than this is stale, whosever it is.',
  maxContainers: 'Before, remove containers, stopped first, then the oldest, until this many are left on each engine.',
  postCleanup: 'When to clean up after the command: `always`, on `success` or on `failure` of it, `never`.',
  delay: 'Wait so long before cleaning up, for debugging; a signal ends the waiting.',
  failOnError: 'A leftover makes the exit code 1 where it was 0; one from before keeps the command from starting.',
  failFast: 'Stop at the first permanent failure (debugging); the rest is kept.',
};

/** Defaults that depend on the session, or that there are not. */
export const NO_DEFAULT: ReadonlySet<SettingKey> = new Set<SettingKey>(['reportPath', 'logsPath']);
