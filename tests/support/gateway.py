"""The gateway under test: its two configuration files, its start under the supervisor in the gateway's namespace, and its
REST interface."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from . import lab_ca, netns

PROGRAMS = ("isthmus-supervisor", "isthmus-dataplane", "isthmus-controlplane", "isthmus")
REST_PORT = 8480
READY_S = 30
_NOBODY, _NOBODY_NAME = 65534, "nobody"  # the control plane's user in tests

_DATAPLANE = """\
[dataplane]
io_mode = "{io_mode}"
idle = "nap"
workers = {workers}
contract_socket = "{run}/dataplane.sock"
run_directory = "{run}"

[[network]]
name = "left"
interface = "left"
{left_device_line}addresses = ["{left}", "{left6}"]

[[network]]
name = "right"
interface = "right"
{right_device_line}addresses = ["{right}", "{right6}"]
"""

# Where there are keys on a clear link, the laboratory's switch that lets them cross it is on.
_CONTROLPLANE = """\
log_level = "{log_level}"

[node]
host_name = "gateway.example.com"

[[listener]]
name = "left-tcp"
transport = "tcp"
address = "{left_face}"

[[listener]]
name = "left-udp"
transport = "udp"
address = "{left_face}"

[[listener]]
name = "right-udp"
transport = "udp"
address = "{right_face}"

[[listener]]
name = "right-tcp"
transport = "tcp"
address = "{right_face}"

{tls_listeners}
[[network]]
name = "left"
ipv4 = {left_v4}
ipv6 = true
{left_preferred}
[[network]]
name = "right"
ipv6 = true

[[zone]]
name = "left"
listener = "left-{left_transport}"
network = "left"
dialect = "{left_dialect}"
peers = [{left_at}]
media_encryption = "{left_encryption}"
{left_media}
keys_over_clear = {left_keys}
monitor = {monitor}

[[zone]]
name = "right"
listener = "right-{right_transport}"
network = "right"
peers = [{right_at}]
media_encryption = "{right_encryption}"
{right_media}
keys_over_clear = {right_keys}
monitor = {monitor}

[[search_rule]]
name = "to the right"
pattern_type = "prefix"
pattern = "right@"
target_zone = "right"
on_match = "stop"

[[search_rule]]
name = "to the left"
pattern_type = "regex"
pattern = "left@.*"
{left_rule}target_zone = "left"
on_match = "stop"

# Each zone's peers come by its listener; these are for the other transport.
[[trusted_host]]
name = "left"
network = "{left_peer}"
zone = "left"

[[trusted_host]]
name = "right"
network = "{right_peer}"
zone = "right"

[limits]
max_calls = {max_calls}

[timers]
drain_s = 1

[rest]
port = {rest_port}
"""

_TLS_LISTENER = """
[[listener]]
name = "{side}-tls"
transport = "tls"
address = "{address}"
port = {port}
certificate = "{own.chain}"
private_key = "{own.key}"
trusted_ca = "{own.trusted}"
client_certificate = "{wanted}"
"""

TLS_PORTS = {"left": 65072, "right": 5061}  # of the gateway
_PEER_NAMES = {"left": "left.example.com", "right": "right.example.com"}

# left_media, right_media: more lines of the zone.
# left_domain: what the left side calls itself; calls by the gateway's address are put through under that name.
_DEFAULTS = {"left_domain": "", "left_dialect": "standards", "left_transport": "tcp", "right_transport": "udp", "left_encryption": "required", "right_encryption": "off",
             "left_device": "", "right_device": "", "left_media": "", "right_media": "", "monitor": "true", "max_calls": 100, "workers": 1, "log_level": "info", "client_certificate": "optional",
             "left_over_v6": False}


def certificates(run, owner=None):
    """{"gateway": ..., "left": ..., "right": ...} of the laboratory's authority, made where they are missing. owner: the user
    that the control plane runs as."""
    names = {"gateway": ["gateway.example.com", netns.LEFT.gateway, netns.RIGHT.gateway, netns.LEFT.gateway6, netns.RIGHT.gateway6]}
    made = lab_ca.make(run / "tls", names, owner)
    peers = {side.name: [_PEER_NAMES[side.name], side.peer, side.peer6] for side in netns.SIDES}
    return made | lab_ca.make(run / "tls", peers)


def write_configuration(folder, run, io_mode, owner=None, **changes):
    """dataplane.toml and controlplane.toml in folder. run: folder of the contract's socket. Sides with transport "tls" have
    certificates(run, owner)."""
    values = _DEFAULTS | changes
    unknown = set(values) - set(_DEFAULTS)
    if unknown:
        raise TypeError(f"no such setting: {unknown}")
    values["tls_listeners"] = ""
    for side in netns.SIDES:
        transport = values[f"{side.name}_transport"]
        keys = values[f"{side.name}_encryption"] != "off" and transport != "tls"
        values[f"{side.name}_keys"] = "true" if keys else "false"
        over_v6 = side.name == "left" and values["left_over_v6"]
        values[f"{side.name}_face"], peer = (side.gateway6, side.peer6) if over_v6 else (side.gateway, side.peer)
        at = f'host = "{peer}", transport = "{transport}"'
        if transport == "tls":
            at += f', name = "{_PEER_NAMES[side.name]}"'
            values["tls_listeners"] += _TLS_LISTENER.format(
                side=side.name, address=values[f"{side.name}_face"], port=TLS_PORTS[side.name], own=certificates(run, owner)["gateway"],
                wanted=values["client_certificate"])
        values[f"{side.name}_at"] = "{ " + at + " }"
    values |= {f"{side}_device_line": f'device = "{values[f"{side}_device"]}"\n' if values[f"{side}_device"] else ""
               for side in ("left", "right")}
    values["left_v4"] = "false" if values["left_over_v6"] else "true"
    values["left_preferred"] = 'preferred = "ipv6"\n' if values["left_over_v6"] else ""
    domain = values["left_domain"]
    values["left_rule"] = f'behaviour = "replace"\nreplacement = "left@{domain}"\n' if domain else ""
    values |= {"io_mode": io_mode, "run": run, "rest_port": REST_PORT, "left": netns.LEFT.gateway, "left6": netns.LEFT.gateway6,
               "right": netns.RIGHT.gateway, "right6": netns.RIGHT.gateway6, "left_peer": netns.LEFT.peer,
               "right_peer": netns.RIGHT.peer}
    for name, text in (("dataplane", _DATAPLANE), ("controlplane", _CONTROLPLANE)):
        (folder / f"{name}.toml").write_text(text.format(**values))


class Rest:
    """The REST interface of a gateway that runs in a namespace."""

    def __init__(self, namespace, token_file):
        self.namespace, self.token_file = namespace, pathlib.Path(token_file)

    def get(self, path, method="GET"):
        """Returns (status, JSON or text)."""
        connection = netns.HttpConnection(self.namespace, "127.0.0.1", REST_PORT)
        headers = {}
        if self.token_file.exists():
            headers["Authorization"] = f"Bearer {self.token_file.read_text().strip()}"
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(body) if is_json and body else body

    def ready(self):
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def value(self, path):
        status, value = self.get(path)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {value}")
        return value

    def counters(self):
        """The data plane's counters out of /metrics: {"drop_wrong_source": 12, "packets_received": ..., "worker.0.handed_over": ...}."""
        found = {}
        for line in self.value("/metrics").splitlines():
            name, _, value = line.rpartition(" ")
            if drop := re.fullmatch(r'isthmus_data_plane_drops_total\{reason="(\w+)"\}', name):
                found[f"drop_{drop[1]}"] = int(float(value))
            elif each := re.fullmatch(r'isthmus_data_plane_per_worker_(\w+)_total\{worker="(\d+)"\}', name):
                found[f"worker.{each[2]}.{each[1]}"] = int(float(value))
            elif total := re.fullmatch(r"isthmus_data_plane_(\w+)_total", name):
                found[total[1]] = int(float(value))
        return found


def install(build, target):
    """Copies the programs to where every user can start them."""
    for name in PROGRAMS:
        shutil.copy(build / "bin" / name, target / name)


def built(build):
    """Which programs are missing in a build folder."""
    return [name for name in PROGRAMS if not os.access(build / "bin" / name, os.X_OK)]


def stop_by_pid(pid, seconds=20):
    """Asks a process that is not our child to end; kills it when it doesn't."""
    def gone():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    for how, wait_s in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return
        try:
            netns.wait_until(gone, wait_s, f"end of process {pid}")
            return
        except TimeoutError:
            continue


# What DPDK's driver for AF_XDP leaves to the end of the process: the object that it had libxdp load.
_FOREIGN_LEAKS = "leak:libbpf.so\nleak:libxdp.so\n"
_SANITIZER_SAYS = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: ")


class Running:
    """with Running(...) as running: a gateway under its supervisor in the lab's gateway namespace, ready for calls.

    Programs, sockets and state live in a folder of their own under /tmp, where users without rights can reach them (a build
    folder may be anywhere). unprivileged: the supervisor itself starts without any right; without: only without these
    capabilities. chosen: the configuration says auto, and io_mode is what the data plane is to come to."""

    def __init__(self, lab, scenario, folder, io_mode, unprivileged=False, without=(), chosen=False, **settings):
        self.lab, self.build, self.io_mode, self.unprivileged, self.settings = lab, scenario.build, io_mode, unprivileged, settings
        self.without, self.chosen = without, chosen
        self._scenario = scenario
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "gateway.log"
        self.process = None

    def __enter__(self):
        missing = built(self.build)
        if missing:
            raise FileNotFoundError(f"{self.build}/bin has no {', '.join(missing)}")
        self.stage = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-test-"))
        self.stage.chmod(0o755)
        self.programs, self.run, self.state = (self.stage / name for name in ("bin", "run", "state"))
        for folder in (self.programs, self.run, self.state):
            folder.mkdir()
        install(self.build, self.programs)
        write_configuration(self.run, self.run, "auto" if self.chosen else self.io_mode, _NOBODY_NAME, **self.settings)
        if self.unprivileged:
            for folder in (self.run, self.state):
                os.chown(folder, _NOBODY, _NOBODY)
        (self.stage / "leaks").write_text(_FOREIGN_LEAKS)
        self.rest = Rest(self.lab.names["gateway"], self.state / "token")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.stage, ignore_errors=True)
        self._scenario.complain([f"{self.log}: {line}" for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()
                                 if _SANITIZER_SAYS.search(line)])

    def command(self):
        command = [self.programs / "isthmus-supervisor", "--bin-dir", self.programs, "--config-dir", self.run, "--state-dir",
                   self.state, "--run-dir", self.run]
        if self._scenario.sanitized:
            command.append("--no-seccomp")
        if self.unprivileged:
            return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--inh-caps=-all",
                    "--bounding-set=-all", "--no-new-privs", *command, "--same-user"]
        less = ["setpriv", "--bounding-set=" + ",".join(f"-{name}" for name in self.without)] if self.without else []
        # Users that every Debian has, so that a test makes none.
        return [*less, *command, "--dataplane-user", "daemon", "--controlplane-user", _NOBODY_NAME]

    def start(self):
        with self.log.open("ab") as log:
            self.process = self.lab.start("gateway", self.command(), stdout=log, stderr=subprocess.STDOUT,
                                          env={**os.environ, "LSAN_OPTIONS": f"suppressions={self.stage}/leaks:print_suppressions=0"})
        netns.wait_until(self._ready, READY_S, f"readiness of the gateway ({self.log})")
        self.check_mode()

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the supervisor ended with {self.process.returncode}: {self.log.read_text()[-600:]}")
        return self.rest.ready()

    def check_mode(self):
        """Tests name their mode and fail when they get another."""
        data_plane = self.rest.value("/api/v1/status")["data_plane"] or {}
        if data_plane.get("io_mode") != self.io_mode:
            raise RuntimeError(f"the data plane runs in mode {data_plane.get('io_mode')}, not {self.io_mode}: "
                               f"{data_plane.get('io_reason')}")
        if self.chosen and not data_plane["io_reason"].startswith("no af_xdp: "):
            raise RuntimeError(f"it does not say why it came to {self.io_mode}: {data_plane['io_reason']}")

    def stop(self):
        if self.process:
            netns.stop(self.process, seconds=20)

    def plane(self, name):
        """Process id of a plane: the supervisor's child that runs this program."""
        for pid in descendants(self.process.pid):
            try:
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == name:
                    return pid
            except FileNotFoundError:
                continue
        raise ProcessLookupError(f"the supervisor has no {name}")

    def kill(self, name):
        """kill -9; returns once that process is gone."""
        pid = self.plane(name)
        os.kill(pid, signal.SIGKILL)
        netns.wait_until(lambda: not pathlib.Path(f"/proc/{pid}/fd").exists() or pid not in descendants(self.process.pid), 5,
                         f"end of {name}")
        return pid


def descendants(pid):
    """Ids of all processes below pid."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def wait_until_nothing_left(run, running, seconds):
    """After the load: no call, no session, no port in use."""
    began = time.monotonic()

    def gone():
        return (running.rest.value("/api/v1/calls")["items"] == [] and
                running.rest.value("/api/v1/status")["data_plane"]["sessions"] == 0)

    netns.wait_until(gone, seconds, "end of all calls and sessions")
    pools = running.rest.value("/api/v1/status")["data_plane"]["pools"]
    run.check(all(pool["in_use"] == 0 for pool in pools), f"ports are still in use: {pools}")
    run.say(f"nothing is left {time.monotonic() - began:.0f} s after the load")
