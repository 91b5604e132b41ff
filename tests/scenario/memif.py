#!/usr/bin/env python3
"""io mode memif: two processes that share memory and no network. One is the data plane, without any right of its own; the other plays
the peers of both networks and judges every frame. Audio both ways: none is lost, and the law of the counters holds."""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import scenario  # noqa: E402  (the path comes first)

SESSIONS, PACKETS = 8, 1000
FIRST_PORT = 10_000
START_S = 20

NETWORK = """
[[network]]
name = "{name}"
addresses = ["{address}"]
first_port = 10000
last_port = 10999
mac = "02:00:00:00:00:{index:02x}"
memif_socket = "{sockets}/{name}.memif"
memif_role = "server"
[[network.next_hop]]
to = "{prefix}"
mac = "02:00:00:00:01:{index:02x}"
"""


def configuration(folder, sockets):
    head = f"""[dataplane]
io_mode = "memif"
huge_pages = false
contract_socket = "{sockets}/contract.sock"
run_directory = "{folder}"
"""
    networks = (("left", "192.0.2.1", "192.0.2.0/24"), ("right", "198.51.100.1", "198.51.100.0/24"))
    return head + "".join(NETWORK.format(name=name, address=address, prefix=prefix, index=index, sockets=sockets)
                          for index, (name, address, prefix) in enumerate(networks))


def flows():
    for port in range(FIRST_PORT, FIRST_PORT + 2 * SESSIONS, 2):
        yield f"192.0.2.2:{port} 198.51.100.2:{port} 192.0.2.1:{port}\n"


def main(run):
    with tempfile.TemporaryDirectory(prefix="isthmus-memif-") as sockets:  # their names may be 107 bytes long
        carry(run, pathlib.Path(sockets))


def carry(run, sockets):
    (run.folder / "dataplane.toml").write_text(configuration(run.folder, sockets))
    (run.folder / "flows").write_text("".join(flows()))
    log_file = run.folder / "dataplane.log"
    with open(log_file, "w", encoding="utf-8") as log:
        plane = subprocess.Popen([run.build / "bin/isthmus-dataplane", "--config", run.folder / "dataplane.toml"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + START_S
        while "dataplane.ready" not in log_file.read_text():
            if plane.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the data plane did not start: {log_file.read_text()[-400:]}")
            time.sleep(0.05)
        sessions = subprocess.Popen([run.peers / "bench/isthmus-bench-sessions", sockets / "contract.sock", "--flows",
                                     run.folder / "flows"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not run.check(sessions.stdout.readline() == "ready\n", "the data plane took no sessions"):
            return
        peer = subprocess.run([run.peers / "bin/isthmus-memif-peer", sockets / "left.memif", sockets / "right.memif", "--sessions",
                               str(SESSIONS), "--packets", str(PACKETS)], check=True, text=True, capture_output=True, timeout=60)
        got = json.loads(peer.stdout.splitlines()[-1])
        run.say(f"the peers: {got}")
        for side, far in (("left", "right"), ("right", "left")):
            run.check(got[side]["sent"] == SESSIONS * PACKETS, f"{side}: not all was sent: {got}")
            run.check(got[far]["received"] == got[side]["sent"], f"{side} to {far}: lost {got[side]['sent'] - got[far]['received']}")
            run.check(got[side]["wrong"] == 0, f"{side} received {got[side]['wrong']} wrong frames")
        sessions.stdin.write("\n")
        sessions.stdin.flush()
        counters = json.loads(sessions.stdout.readline())
        run.check(counters["io_mode"] == "memif", f"it runs in mode {counters['io_mode']}")
        accounted = sum(value for name, value in counters.items()
                        if name in ("packets_forwarded", "packets_consumed", "packets_held") or name.startswith("drop_"))
        run.say(f"received {counters['packets_received']}, forwarded {counters['packets_forwarded']}")
        run.check(counters["packets_received"] == accounted, f"received {counters['packets_received']}, accounted for {accounted}")
        sessions.stdin.close()
        sessions.wait(20)
    finally:
        plane.terminate()
        status = plane.wait(20)
    run.check(status == 0, f"the data plane ended with {status}")


if __name__ == "__main__":
    scenario.main(main)
