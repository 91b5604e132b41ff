#!/usr/bin/env python3
"""kill -9 of the supervisor in the middle of a call: both planes end with it, and the next start cleans up what they left and
carries a call again."""
import os
import pathlib
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 5.0


def alive(pids):
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}/exe")]


def main(run):
    with netns.Lab("ks") as lab, gateway.Running(lab, run, run.folder, "af_xdp") as running:
        left, right = place_call.endpoints(lab, run.folder / "first", run.media)
        right.start()
        left.start()
        left.dial(f"sip:right@{netns.LEFT.gateway}:5060")
        left.wait_established()
        planes = gateway.descendants(running.process.pid)
        run.check(len(planes) >= 2, f"the supervisor has {len(planes)} processes below it")
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        netns.wait_until(lambda: not alive(planes), 10, "end of the planes after their supervisor's")
        for endpoint in (left, right):
            endpoint.stop()
        links = subprocess.run(netns.command(lab.names["gateway"], ["ip", "-d", "link"]), capture_output=True, text=True).stdout
        run.say("left over: " + (", ".join(line.strip() for line in links.splitlines() if "xdp" in line) or "no XDP program"))
        running.start()
        run.say("started again")
        outcome = place_call.place(lab, running.rest, run.folder / "second", run.media, CALL_S, "af_xdp", say=run.say)
        run.complain(outcome.complaints)


if __name__ == "__main__":
    scenario.main(main)
