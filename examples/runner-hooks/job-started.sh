#!/usr/bin/env bash
# For a self-hosted GitHub runner: ACTIONS_RUNNER_HOOK_JOB_STARTED=/opt/cleanup-action/job-started.sh in its .env file.
# Removes what earlier jobs of this runner left, and gives each job a label, whether or not its workflow knows of cleanup-action.
#
# A hook that fails, fails the job, and no timeout ends one that hangs. So whatever goes wrong here is a warning.
cleanup=${CLEANUP_ACTION:-/opt/cleanup-action/cleanup-action.sh}

# One session for all jobs of the runner, which runs one at a time: what carries its label now was left by a job that is over. Two runners
# of one machine may have the same name, registered with different owners: RUNNER_TEMP tells them apart.
installation=$(printf '%s' "${RUNNER_TEMP:-}" | cksum | cut -d ' ' -f 1)
session=$(printf 'hook.%s.%s.%s' "$installation" "$(uname -n)" "${RUNNER_NAME:-}" | tr -c 'A-Za-z0-9._-' '-' | cut -c 1-128)

sweep() {
  timeout --kill-after 10 60 "$cleanup" sweep "$@" --quiet --deadline 45s ||
    echo '::warning title=cleanup-action::Earlier jobs left something on this runner that could not be removed: see the log.'
}

sweep --session "$session"
sweep --stale # Of jobs that use the action.

{
  echo "CLEANUP_SESSION_ID=$session"
  echo "CLEANUP_LABEL=io.github.cleanup-action.session=$session"
  echo "CLEANUP_JOB_SESSIONS=$session" # Live: the action takes none of it for leftovers.
} >>"${GITHUB_ENV:-/dev/null}" || echo '::warning title=cleanup-action::This job gets no label.'

exit 0
