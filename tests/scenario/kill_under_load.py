#!/usr/bin/env python3
"""Both planes killed again and again, at random moments, while SIPp places and ends calls: the gateway is ready again each time, and
when the load is over no call, no session and no port is left."""
import pathlib
import random
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, scenario, sipp  # noqa: E402  (the path comes first)

KILLS = 10
RATE, HOLD_MS = 20, 1500
# Three crashes of a plane within a minute would set its state aside, as they should: each plane is killed every 21 s or more.
APART_S = (10.5, 13.0)
SEED = 20261128
READY_S = 10.0
# A call whose peer never saw its end is ended by the silence of its media (30 s), then asked twice; ports rest 2 s.
LEFT_OVER_S = 100.0


def main(run):
    chance = random.Random(SEED)
    with netns.Lab("kl") as lab, gateway.Running(lab, run, run.folder, "af_xdp", left_transport="udp", right_transport="udp",
                                                left_encryption="off", monitor="false") as running:
        count = int(RATE * KILLS * APART_S[1])
        answering = sipp.Sipp(lab, "right", "uas_call", run.folder, netns.RIGHT.peer, count, timeout_s=200)
        calling = sipp.Sipp(lab, "left", "uac_call", run.folder, netns.LEFT.peer, count, RATE, HOLD_MS, timeout_s=200,
                            target=(netns.LEFT.gateway, 5060))
        times = []
        for kill in range(KILLS):
            time.sleep(chance.uniform(*APART_S))
            plane = "isthmus-controlplane" if kill % 2 == 0 else "isthmus-dataplane"
            began = time.monotonic()
            running.kill(plane)
            netns.wait_until(running.rest.ready, READY_S, f"return after kill {kill + 1} ({plane})")
            times.append(time.monotonic() - began)
        run.say(f"{KILLS} kills; ready again after {min(times):.2f} to {max(times):.2f} s")
        live = len(running.rest.value("/api/v1/calls")["items"])
        run.check(live > 0, "no call was up at the end: nothing was tested")
        for process in (calling.process, answering.process):
            netns.stop(process)
        gateway.wait_until_nothing_left(run, running, LEFT_OVER_S)


if __name__ == "__main__":
    scenario.main(main)
