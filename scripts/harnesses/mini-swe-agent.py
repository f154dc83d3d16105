"""mini-swe-agent's own environment starts a container, and runs commands in it."""
import sys, time
from minisweagent.environments.docker import DockerEnvironment

image, run = sys.argv[1:]
environment = DockerEnvironment(image=image, cwd="/")
print("ready", flush=True)
time.sleep(3600)
