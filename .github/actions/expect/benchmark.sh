#!/usr/bin/env bash
# Leaves a container, a network and a volume behind, as a harness does that crashes; ends with the exit code that it is given.
set -euo pipefail

name=${LEAK:?}${2:+-$2}
docker network create "$name"
docker volume create "$name"
docker run --detach --name "$name" --network none --mount "type=volume,source=$name,target=/data" busybox:1.37 sleep 3600
exit "${1:-0}"
