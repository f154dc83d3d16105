"""SWE-bench's own function makes the container of an instance."""
import logging, sys, time, types
import docker
from swebench.harness.run_evaluation import create_container


image, run = sys.argv[1:]

spec = types.SimpleNamespace(image=image, instance_id="django__django-11099")
container = create_container(spec, docker.from_env(), run, logging.getLogger("swebench"))
container.start()
print("ready", flush=True)
time.sleep(3600)
