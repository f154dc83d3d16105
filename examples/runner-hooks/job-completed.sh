#!/usr/bin/env bash
# For a self-hosted GitHub runner: ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/opt/cleanup-action/job-completed.sh in its .env file.
# Removes what carries the label that job-started.sh gave the job.
#
# A hook that fails, fails the job, and no timeout ends one that hangs. So whatever goes wrong here is a warning.
cleanup=${CLEANUP_ACTION:-/opt/cleanup-action/cleanup-action.sh}

# As in job-started.sh, and not read from the environment: a step may have changed what stands in GITHUB_ENV.
installation=$(printf '%s' "${RUNNER_TEMP:-}" | cksum | cut -d ' ' -f 1)
session=$(printf 'hook.%s.%s.%s' "$installation" "$(uname -n)" "${RUNNER_NAME:-}" | tr -c 'A-Za-z0-9._-' '-' | cut -c 1-128)

timeout --kill-after 10 60 "$cleanup" sweep --session "$session" --quiet --deadline 45s ||
  echo '::warning title=cleanup-action::This job left something on the runner that could not be removed: see the log.'

exit 0
