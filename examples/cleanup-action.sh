#!/bin/sh
# cleanup-action's command line at one version: fetched once, checked each time, then run with the arguments given here.
# Keep it in your repository, where the other examples look for it: ci/cleanup-action.sh
#
# To pin a version, fill in its tag and what `curl -fsSL <url> | sha256sum` prints for it.
set -eu

version=v1.0.0
sha256=0000000000000000000000000000000000000000000000000000000000000000

url=${CLEANUP_ACTION_URL:-https://raw.githubusercontent.com/org/cleanup-action/$version/dist/cli/index.js}
sha256=${CLEANUP_ACTION_SHA256:-$sha256}
directory=${XDG_CACHE_HOME:-$HOME/.cache}/cleanup-action
program=$directory/$sha256.js

fail() {
  echo "cleanup-action.sh: $1" >&2
  exit 69
}

# macOS has shasum, and most others have sha256sum.
checksum() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

if [ ! -f "$program" ] || [ "$(checksum "$program")" != "$sha256" ]; then
  mkdir -p "$directory"
  download=$(mktemp "$directory/download.XXXXXX")
  trap 'rm -f "$download"' EXIT
  curl --fail --silent --show-error --location --retry 3 --max-time 60 --output "$download" "$url" || fail "$url can't be fetched"
  found=$(checksum "$download")
  [ "$found" = "$sha256" ] || fail "$url has the checksum $found, and not $sha256"
  # Whole or not at all: another job may be starting it.
  mv "$download" "$program"
  trap - EXIT
fi

# exec: what the CI system signals is the program, not a shell in front of it.
exec node "$program" "$@"
