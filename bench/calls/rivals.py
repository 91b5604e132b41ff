"""The two that carry the calls: Isthmus (both planes under the supervisor, af_xdp) and kamailio as a stateful proxy."""
import json
import pathlib
import subprocess
import tempfile
import time

from bench.harness import cpu
from bench.harness.net import LEFT_GATEWAY, LEFT_PEER, RIGHT_GATEWAY, RIGHT_PEER

HERE = pathlib.Path(__file__).resolve().parent
ADDRESSES = 12  # a network: ports rest two seconds after use, so a high call rate needs more than one pool

CONTROLPLANE_TOML = """
[node]
host_name = "bench.example.com"
[[listener]]
name = "left"
transport = "tcp"
address = "{left}"
zone = "left"
[[listener]]
name = "right"
transport = "tcp"
address = "{right}"
zone = "right"
[[network]]
name = "left"
[[network]]
name = "right"
[[zone]]
name = "left"
listener = "left"
network = "left"
monitor = false
media_encryption = "off"
peers = [{{ host = "{left_peer}", transport = "tcp" }}]
[[zone]]
name = "right"
listener = "right"
network = "right"
monitor = false
media_encryption = "off"
peers = [{{ host = "{right_peer}", transport = "tcp" }}]
[[search_rule]]
name = "all to the right"
mode = "any_alias"
source_zone = "left"
target_zone = "right"
[limits]
max_calls = 10000
max_calls_per_source = 10000
calls_per_second = 10000
calls_per_second_per_source = 10000
"""


def addresses(gateway):
    """The gateway's own and others of the same network."""
    base = gateway.rsplit(".", 1)[0]
    return [gateway] + [f"{base}.{100 + i}" for i in range(ADDRESSES - 1)]


def dataplane_toml():
    text = '[dataplane]\nio_mode = "af_xdp"\nidle = "nap"\n'
    for name, gateway in (("left", LEFT_GATEWAY), ("right", RIGHT_GATEWAY)):
        text += f'[[network]]\nname = "{name}"\ninterface = "{name}"\naddresses = {json.dumps(addresses(gateway))}\n'
    return text


class Isthmus:
    name = "isthmus"
    local_addresses = 2 * ADDRESSES

    def __init__(self, net, build, core):
        self.net = net
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        (folder / "dataplane.toml").write_text(dataplane_toml())
        (folder / "controlplane.toml").write_text(CONTROLPLANE_TOML.format(
            left=LEFT_GATEWAY, right=RIGHT_GATEWAY, left_peer=LEFT_PEER, right_peer=RIGHT_PEER))
        for side, gateway in (("left", LEFT_GATEWAY), ("right", RIGHT_GATEWAY)):
            for address in addresses(gateway)[1:]:
                net.run("gateway", ["ip", "address", "add", f"{address}/24", "dev", side])
        self.log = open(folder / "log", "w", encoding="utf-8")
        self.process = net.popen("gateway", [
            build / "bin/isthmus-supervisor", "--same-user", "--bin-dir", build / "bin", "--run-dir", folder / "run",
            "--state-dir", folder / "state", "--dataplane-config", folder / "dataplane.toml", "--controlplane-config",
            folder / "controlplane.toml"], cpu=core, stderr=self.log, stdout=self.log)
        self.wait_ready(folder)
        family = cpu.children(self.process.pid)
        self.controlplane = cpu.program(family, "isthmus-controlplane")
        self.dataplane = cpu.program(family, "isthmus-dataplane")

    def wait_ready(self, folder):
        for _ in range(300):
            if subprocess.run(self.net.command("gateway", ["curl", "-sf", "http://127.0.0.1:8480/readyz"]), capture_output=True,
                              check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("the gateway is not ready after 30 s:\n" + (folder / "log").read_text()[-2000:])

    def signalling_ns(self):
        return cpu.process_ns(self.controlplane)

    def memory_kib(self):
        return cpu.resident_kib(self.controlplane) + cpu.resident_kib(self.dataplane)

    def stop(self):
        self.net.stop(self.process, seconds=60)
        self.log.close()
        self.folder.cleanup()


class Kamailio:
    name = "kamailio"

    def __init__(self, net, _build, core):
        self.net = net
        self.process = net.popen("gateway", ["kamailio", "-DD", "-f", HERE / "kamailio.cfg", "-m", "512", "-M", "64",
                                             "-w", "/", "-Y", tempfile.gettempdir()], cpu=core,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3)
        if self.process.poll() is not None:
            raise RuntimeError("kamailio does not start")

    def signalling_ns(self):
        return sum(cpu.process_ns(pid) for pid in cpu.children(self.process.pid))

    def stop(self):
        self.net.stop(self.process)
