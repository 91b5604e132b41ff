"""The real data plane in pcap mode: DPDK hands a capture of 1,024 sessions' SRTP in, one pass, and a null port takes what is sent.
Busy cycles of the worker a packet."""
import contextlib
import json
import pathlib
import subprocess
import tempfile
import time

from bench.harness.machine import dataplane_environment
from bench.harness.rows import Row

SESSIONS = 1024
PACKETS = 256            # of each session
LIMITS = {160: 560, 1200: 1250}
WORKER_CPU = 1
PORTS_A_SESSION = 4      # RTP and RTCP of both legs
HUGE_PAGES = 640         # of 2 MiB: a buffer of 2.75 KiB a frame of the capture, and those that packets travel in
NR_HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
PATIENCE_S = 60

DATAPLANE_TOML = """
[dataplane]
io_mode = "pcap"
idle = "poll"
worker_cpus = [{cpu}]
contract_socket = "{folder}/contract.sock"
run_directory = "{folder}"
replay_after_ports = {ports}

[[network]]
name = "left"
addresses = ["192.0.2.1"]
first_port = 10000
last_port = 19999
mac = "02:00:00:00:00:01"
capture_in = "{folder}/in.pcap"
[[network.next_hop]]
to = "192.0.2.0/24"
mac = "02:00:00:00:00:02"

[[network]]
name = "right"
addresses = ["198.51.100.1"]
first_port = 10000
last_port = 19999
[[network.next_hop]]
to = "198.51.100.0/24"
mac = "02:00:00:00:00:03"
"""


@contextlib.contextmanager
def huge_pages():
    """Reserves what the data plane needs, where we may; it says itself which kind it got."""
    before = None
    with contextlib.suppress(OSError):
        before = NR_HUGEPAGES.read_text()
        NR_HUGEPAGES.write_text(str(int(before) + HUGE_PAGES))
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(OSError):
                NR_HUGEPAGES.write_text(before)


def status(sessions):
    sessions.stdin.write("\n")
    sessions.stdin.flush()
    return json.loads(sessions.stdout.readline())


def wait(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not happen in {PATIENCE_S} s")
        time.sleep(0.05)
    return value


def one_pass(build, folder, *options):
    """The capture once through a data plane of its own: cycles a packet, its status, and which memory it had. `options`:
    of isthmus-bench-sessions."""
    log_file = folder / "log"
    with open(log_file, "w", encoding="utf-8") as log:
        plane = subprocess.Popen([build / "bin/isthmus-dataplane", "--config", folder / "dataplane.toml"],
                                 env=dataplane_environment(), stderr=log, stdout=log)
    try:
        wait(lambda: plane.poll() is not None or "dataplane.ready" in log_file.read_text(), "the data plane's start")
        if plane.poll() is not None:
            raise RuntimeError(log_file.read_text())
        sessions = subprocess.Popen([build / "bench/isthmus-bench-sessions", folder / "contract.sock", "--flows", folder / "flows", *options],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if sessions.stdout.readline() != "ready\n":
            raise RuntimeError("the data plane took no sessions")
        expected = SESSIONS * PACKETS
        wait(lambda: status(sessions)["packets_received"] >= expected, "the last packet")
        time.sleep(0.2)
        counters = status(sessions)
        lost = expected - counters["packets_forwarded"]
        if lost > expected / 1000:  # a few may come before the last session's worker knows it
            raise RuntimeError(f"{lost} of {expected} packets were not forwarded: {counters}")
        sessions.stdin.close()
        sessions.wait()
        memory = "hugepages" if '"hugepages"' in log_file.read_text() or "memory=hugepages" in log_file.read_text() else "ordinary pages"
        return counters["worker_busy_ns"] * counters["tsc_hz"] / 1e9 / expected, counters, memory
    finally:
        plane.terminate()
        plane.wait()


def run(build, runs, say):
    rows = []
    with huge_pages():
        for payload, limit in LIMITS.items():
            samples, stages = [], {}
            with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
                folder = pathlib.Path(name)
                (folder / "dataplane.toml").write_text(DATAPLANE_TOML.format(cpu=WORKER_CPU, folder=folder, ports=PORTS_A_SESSION * SESSIONS))
                subprocess.run([build / "bench/isthmus-bench-capture", folder / "flows", folder / "in.pcap", "--sessions", str(SESSIONS),
                                "--packets", str(PACKETS), "--payload", str(payload)], check=True)
                for turn in range(runs):
                    cycles, counters, memory = one_pass(build, folder)
                    say(f"{payload} B run {turn + 1}/{runs}: {cycles:.0f} cycles a packet, {memory}, {counters['srtp_engine']}")
                    samples.append(cycles)
                    _, measured, _ = one_pass(build, folder, "--stages")
                    for name, value in measured.items():
                        if name.startswith("stage.") and name != "stage.tick" and value > 0:  # ticks are of idle turns too
                            stages.setdefault(name, []).append(value / (SESSIONS * PACKETS))
            rows.append(Row(f"relay.dpdk.cm80.{payload}.cycles", "TSC cycles", samples, limit=limit, note=memory,
                            extra={"sessions": SESSIONS, "packets": SESSIONS * PACKETS, "io_mode": counters["io_mode"],
                                   "srtp_engine": counters["srtp_engine"]}))
            rows += [Row(f"relay.dpdk.cm80.{payload}.{stage}.cycles", "TSC cycles", values) for stage, values in stages.items()]
    return rows
