#!/usr/bin/env bash
# Leaves a container, a network and a volume behind, as a harness does that crashes; ends with the exit code that it is given.
set -euo pipefail

# OWN_LABEL: it labels what it creates, where no proxy does.
name=${LEAK:?}${2:+-$2}
label=()
if [[ -n ${OWN_LABEL:-} ]]; then label=(--label "$CLEANUP_LABEL"); fi

docker network create "${label[@]}" "$name"
docker volume create "${label[@]}" "$name"
docker run --detach --name "$name" "${label[@]}" --network none --mount "type=volume,source=$name,target=/data" busybox:1.37 sleep 3600
exit "${1:-0}"
