"""SWE-ReX' own deployment starts a container of an image that holds its server, or something of that name."""
import asyncio, sys
from swerex.deployment.docker import DockerDeployment

image, run = sys.argv[1:]


async def main():
    deployment = DockerDeployment(image=image, pull="never", startup_timeout=3600, python_standalone_dir=None)
    starting = asyncio.create_task(deployment.start())
    while deployment.container_name is None:
        await asyncio.sleep(0.1)
    print("ready", flush=True)
    await starting


asyncio.run(main())
