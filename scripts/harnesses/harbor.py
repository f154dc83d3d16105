"""Harbor's own command runs a task of one prebuilt image with the oracle, whose solution never ends."""
import os, pathlib, subprocess, sys, tempfile, time

image, run = sys.argv[1:]
directory = pathlib.Path(tempfile.mkdtemp(prefix="harbor-"))
task = directory / "hello-world"
for part in ("environment", "solution", "tests"):
    (task / part).mkdir(parents=True)
(task / "task.toml").write_text(f'version = "1.0"\n[agent]\ntimeout_sec = 3600.0\n[environment]\ndocker_image = "{image}"\n')
(task / "instruction.md").write_text("Wait.\n")
(task / "solution" / "solve.sh").write_text("#!/bin/bash\necho solving\nsleep 3600\n")
(task / "tests" / "test.sh").write_text("#!/bin/bash\ntrue\n")
(task / "environment" / "Dockerfile").write_text(f"FROM {image}\n")
harbor = pathlib.Path(sys.executable).with_name("harbor")
command = [harbor, "run", "--path", task, "--agent", "oracle", "--jobs-dir", directory / "jobs", "--quiet", "--yes"]
process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
while process.poll() is None:
    top = subprocess.run(["docker", "ps", "--quiet", "--filter", "name=hello-world"], capture_output=True, text=True)
    if any("sleep 3600" in subprocess.run(["docker", "top", id], capture_output=True, text=True).stdout for id in top.stdout.split()):
        print("ready", flush=True)
        break
    time.sleep(0.5)
sys.exit(process.wait())
