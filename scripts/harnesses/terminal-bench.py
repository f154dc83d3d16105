"""Terminal-Bench's own manager brings a task's Compose project up, as its tasks' files describe it."""
import json, pathlib, sys, tempfile, time
from terminal_bench.terminal.docker_compose_manager import DockerComposeManager

image, run = sys.argv[1:]
directory = pathlib.Path(tempfile.mkdtemp(prefix="terminal-bench-"))
compose = directory / "docker-compose.yaml"
client = {
    "image": "${T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME}",
    "container_name": "${T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME}",
    "command": ["sh", "-c", "sleep 3600"],
    "volumes": ["${T_BENCH_TASK_LOGS_PATH}:${T_BENCH_CONTAINER_LOGS_PATH}", "data:/data"],
}
compose.write_text(json.dumps({"services": {"client": client}, "volumes": {"data": {}}}))
name = f"hello-world-1-of-1-{run}"
DockerComposeManager(name, image, compose, no_rebuild=True, sessions_logs_path=directory, agent_logs_path=directory).start()
print("ready", flush=True)
time.sleep(3600)
