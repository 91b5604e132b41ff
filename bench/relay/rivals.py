"""The relays under test, all driven alike: start pinned to a CPU, open N calls, hand out their flows, tell their CPU time."""
import json
import pathlib
import subprocess
import tempfile

from bench.harness import cpu
from bench.harness.net import LEFT_GATEWAY, LEFT_PEER, RIGHT_GATEWAY, RIGHT_PEER

NG_PORT = 2223
HERE = pathlib.Path(__file__).resolve().parent
FIRST_PEER_PORT = 20000

DATAPLANE_TOML = """
[dataplane]
io_mode = "af_xdp"
idle = "nap"

[[network]]
name = "left"
interface = "left"
addresses = ["{left}"]

[[network]]
name = "right"
interface = "right"
addresses = ["{right}"]
"""


class Relay:
    """A running relay. `flows` is the path of its list; busy_ns() the CPU time of its work so far, without idle polling."""

    def __init__(self, net, process):
        self.net, self.process = net, process
        self.folder = tempfile.TemporaryDirectory()
        self.flows = str(pathlib.Path(self.folder.name) / "flows")

    def busy_ns(self):
        return cpu.process_ns(self.process.pid)

    def losses(self):
        """What the relay itself says it dropped, where it says so."""
        return {}

    def stop(self):
        self.net.stop(self.process)
        self.folder.cleanup()


class Rtpengine(Relay):
    name = "rtpengine"

    def __init__(self, net, _build, core, calls, recrypt):
        super().__init__(net, net.popen("gateway", [
            "rtpengine", "--foreground", "--table=-1", "--num-threads=1", f"--interface=left/{LEFT_GATEWAY}",
            f"--interface=right/{RIGHT_GATEWAY}", f"--listen-ng=127.0.0.1:{NG_PORT}", "--port-min=56000", "--port-max=57000",
            "--log-level=2", "--log-stderr"], cpu=core, stderr=subprocess.DEVNULL))
        flows = net.run("gateway", ["python3", "-B", str(HERE / "rtpengine_sessions.py"), str(NG_PORT), str(calls), LEFT_PEER,
                                    RIGHT_PEER, LEFT_GATEWAY, *(["--recrypt"] if recrypt else [])]).stdout
        pathlib.Path(self.flows).write_text(flows)


class Forwarder(Relay):
    name = "forwarder"

    def __init__(self, net, build, core, calls, _recrypt):
        folder = tempfile.NamedTemporaryFile("w", delete=False)
        for call in range(calls):
            port = FIRST_PEER_PORT + 2 * call
            folder.write(f"{LEFT_PEER}:{port} {RIGHT_PEER}:{port} {LEFT_GATEWAY}:{56000 + 2 * call}\n")
        folder.close()
        super().__init__(net, net.popen("gateway", [build / "bench/isthmus-bench-forwarder", folder.name], cpu=core,
                                        stdout=subprocess.PIPE, text=True))
        self.flows = folder.name
        self.process.stdout.readline()

    def stop(self):
        super().stop()
        pathlib.Path(self.flows).unlink()


class Isthmus(Relay):
    name = "isthmus"

    def __init__(self, net, build, core, calls, recrypt):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        (folder / "dataplane.toml").write_text(DATAPLANE_TOML.format(left=LEFT_GATEWAY, right=RIGHT_GATEWAY))
        self.net = net
        self.log = open(folder / "log", "w", encoding="utf-8")
        self.process = net.popen("gateway", [build / "bin/isthmus-dataplane", "--config", folder / "dataplane.toml",
                                             "--contract-socket", folder / "contract"], cpu=core, stderr=self.log)
        self.sessions = net.popen("gateway", [
            build / "bench/isthmus-bench-sessions", folder / "contract", str(calls), LEFT_PEER, RIGHT_PEER,
            *(["--recrypt"] if recrypt else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.flows = str(folder / "flows")
        with open(self.flows, "w", encoding="utf-8") as file:
            for line in self.sessions.stdout:
                if line == "ready\n":
                    return
                file.write(line)
        raise RuntimeError("the data plane did not open its sessions:\n" + (folder / "log").read_text()[-2000:])

    def counters(self):
        self.sessions.stdin.write("status\n")
        self.sessions.stdin.flush()
        return json.loads(self.sessions.stdout.readline())

    def busy_ns(self):
        counters = self.counters()
        if counters["io_mode"] != "af_xdp":
            raise RuntimeError(f"the data plane runs in {counters['io_mode']} mode")
        return counters["worker_busy_ns"]

    def losses(self):
        return {name: value for name, value in self.counters().items() if name.startswith("drop_") and value}

    def stop(self):
        self.net.stop(self.sessions)
        super().stop()
        self.log.close()
