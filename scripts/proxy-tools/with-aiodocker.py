"""What aiodocker (inspect_ai's and others' client) does. Prints what it saw, as JSON."""
import asyncio, json, sys
import aiodocker

image, name = sys.argv[1:]


async def main():
    docker = aiodocker.Docker()
    host = {"NetworkMode": "none", "Binds": [f"{name}-volume:/data"]}
    config = {"Image": image, "Cmd": ["sleep", "3600"], "HostConfig": host, "Labels": {"task": "one"}}
    container = await docker.containers.create(config, name=name)
    await container.start()
    await docker.networks.create({"Name": f"{name}-network", "Internal": True})
    execution = await container.exec(["cat"], stdin=True)
    async with execution.start(detach=False) as stream:
        await stream.write_in(b"ping")
        message = await stream.read_out()
    many = [await container.exec(["echo", str(number)]) for number in range(20)]

    async def output(one):
        async with one.start(detach=False) as stream:
            return (await stream.read_out()).data.decode()

    outputs = await asyncio.gather(*(output(one) for one in many))
    other = await docker.containers.create({"Image": image, "Cmd": ["sh", "-c", "echo one"], "HostConfig": host})
    await other.start()
    ended = (await other.wait())["StatusCode"]
    logs = await other.log(stdout=True)
    await other.delete()
    await container.kill()
    await docker.close()
    print(json.dumps([message.data.decode(), outputs, ended, list(logs)]))


asyncio.run(main())
