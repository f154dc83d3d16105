"""What docker-py does of all that harnesses do with it. Prints what it saw, as JSON."""
import docker, io, json, sys, tarfile

image, name = sys.argv[1:]
client = docker.from_env()
volumes = {f"{name}-volume": {"bind": "/data", "mode": "rw"}}
container = client.containers.run(
    image, ["sleep", "3600"], detach=True, name=name, network_mode="none", volumes=volumes, labels={"task": "one"}
)
client.networks.create(f"{name}-network", internal=True)
data = io.BytesIO()
with tarfile.open(fileobj=data, mode="w") as tar:
    info = tarfile.TarInfo("file")
    info.size = 100000
    tar.addfile(info, io.BytesIO(b"x" * 100000))
data.seek(0)
container.put_archive("/tmp", data)
code, output = container.exec_run(["sh", "-c", "cat /tmp/file | head -c 5; exit 7"])
demuxed = container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True).output
# A hijacked connection without Upgrade, half-closed by nobody.
socket = container.exec_run(["head", "-c", "4"], stdin=True, socket=True).output
socket._sock.sendall(b"ping")
back = b""
while more := socket.read(1024):
    back += more
logs = client.containers.run(image, ["sh", "-c", "echo one; echo two"], remove=True, network_mode="none")
stream, stat = container.get_archive("/tmp/file")
size = sum(len(part) for part in stream)
container.kill()
ended = container.wait()["StatusCode"]
parts = [part.decode() for part in demuxed]
print(json.dumps([code, output.decode(), parts, back[-4:].decode(), logs.decode(), stat["size"], size, ended]))
