#!/usr/bin/env python3
"""The demonstration call with IPv6 alone on the left and IPv4 on the right, in af_xdp mode: SIP, media and RTCP cross from one to
the other, called from either side."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 6.0


def main(run):
    with netns.Lab("v6") as lab, gateway.Running(lab, run, run.folder, "af_xdp", left_over_v6=True) as running:
        netns.ip("-4", "address", "flush", "dev", "eth0", namespace=lab.names["left"])
        for caller in ("left", "right"):
            outcome = place_call.place(lab, running.rest, run.folder / caller, run.media, CALL_S, "af_xdp", say=run.say, caller=caller,
                                       left_over_v6=True)
            for row in outcome.rows:
                run.say(str(row))
            run.complain(outcome.complaints)


if __name__ == "__main__":
    scenario.main(main)
