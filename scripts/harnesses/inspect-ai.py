"""inspect_ai evaluates a task, whose sandbox is a Compose project, with its mock model."""
import json, pathlib, sys, tempfile, time
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.solver import solver
from inspect_ai.util import sandbox

image, run = sys.argv[1:]


@solver
def wait():
    async def solve(state, generate):
        await sandbox().exec(["true"])
        print("ready", flush=True)
        time.sleep(3600)
        return state

    return solve


directory = pathlib.Path(tempfile.mkdtemp(prefix="inspect-"))
compose = directory / "compose.yaml"
service = {"image": image, "command": "tail -f /dev/null", "init": True, "x-local": True, "volumes": ["data:/data"]}
compose.write_text(json.dumps({"services": {"default": service}, "volumes": {"data": {}}}))
task = Task(dataset=[Sample(input="wait")], solver=wait(), sandbox=("docker", str(compose)), name="trial")
eval(task, model="mockllm/model", log_dir=str(directory / "logs"), display="plain")
