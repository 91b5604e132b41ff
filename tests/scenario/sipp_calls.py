#!/usr/bin/env python3
"""SIPp on both sides of the gateway, over UDP and TCP: answered calls ended by either side, calls given up while they ring,
refused calls. Afterwards nothing is left: no call, no port in use."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, scenario, sipp  # noqa: E402  (the path comes first)

CALLS, RATE = 60, 20
PAIRS = (  # caller, answering side
    ("uac_call", "uas_call"),
    ("uac_waits_for_bye", "uas_hangs_up"),
    ("uac_cancel", "uas_cancel"),
    ("uac_refused", "uas_busy"),
)


def main(run):
    for transport, kind in (("udp", "u1"), ("tcp", "t1")):
        with netns.Lab(f"sipp{transport}") as lab, gateway.Running(
                lab, run, run.folder / transport, "af_xdp", left_transport=transport, right_transport=transport,
                left_encryption="off", monitor="false") as running:
            for caller, answerer in PAIRS:
                folder = run.folder / transport
                answering = sipp.Sipp(lab, "right", answerer, folder, netns.RIGHT.peer, CALLS, transport=kind)
                netns.wait_until(lambda: listens(lab, transport), 5, "start of the answering SIPp")
                calling = sipp.Sipp(lab, "left", caller, folder, netns.LEFT.peer, CALLS, RATE, transport=kind,
                                    target=(netns.LEFT.gateway, 5060))
                complaints = calling.wait() + answering.wait(15)
                netns.stop(answering.process)
                run.complain([f"{transport}: {complaint}" for complaint in complaints])
                run.say(f"{transport}: {CALLS} times {caller} with {answerer}: {'wrong' if complaints else 'right'}")
            nothing_left(run, running, transport)


def listens(lab, transport):
    """UDP: bound; TCP: state LISTEN, since connections of the SIPp before rest on the same port."""
    state = "07" if transport == "udp" else "0A"
    output = netns.output(lab.names["right"], ["cat", f"/proc/net/{transport}"])
    rows = [line.split() for line in output.splitlines()[1:]]
    return any(row[1].endswith(":13C4") and row[3] == state for row in rows)  # 5060


def nothing_left(run, running, transport):
    netns.wait_until(lambda: running.rest.value("/api/v1/calls")["items"] == [], 10, f"{transport}: end of all calls")
    data_plane = running.rest.value("/api/v1/status")["data_plane"]
    run.check(data_plane["sessions"] == 0, f"{transport}: {data_plane['sessions']} sessions are left")
    run.check(all(pool["in_use"] == 0 for pool in data_plane["pools"]), f"{transport}: ports in use: {data_plane['pools']}")


if __name__ == "__main__":
    scenario.main(main)
