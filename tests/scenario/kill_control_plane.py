#!/usr/bin/env python3
"""kill -9 of the control plane in the middle of a call: media goes on with no packet lost, the control plane is back and knows
the call within 5 s, and the call is then ended by the side that dialled, and gone on the other."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 12.0
BACK_S = 5.0


def main(run):
    with netns.Lab("kc") as lab, gateway.Running(lab, run, run.folder, "af_xdp") as running:
        def strike(_left, _right):
            before = [call["id"] for call in running.rest.value("/api/v1/calls")["items"]]
            began = time.monotonic()
            running.kill("isthmus-controlplane")
            netns.wait_until(running.rest.ready, BACK_S, "return of the control plane")
            run.say(f"the control plane is back after {time.monotonic() - began:.1f} s")
            after = [call["id"] for call in running.rest.value("/api/v1/calls")["items"]]
            run.check(len(before) == 1 and after == before, f"the calls before were {before}, after {after}")

        outcome = place_call.place(lab, running.rest, run.folder, run.media, CALL_S, "af_xdp", say=run.say, during=strike)
        run.complain(outcome.complaints)
        netns.wait_until(lambda: running.rest.value("/api/v1/calls")["items"] == [], 5, "end of the call in the gateway")
        pools = running.rest.value("/api/v1/status")["data_plane"]["pools"]
        run.check(all(pool["in_use"] == 0 for pool in pools), f"ports are still in use: {pools}")


if __name__ == "__main__":
    scenario.main(main)
