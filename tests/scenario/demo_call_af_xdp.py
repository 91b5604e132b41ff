#!/usr/bin/env python3
"""The demonstration call in af_xdp mode: SDES-SRTP over TCP on the left, plain RTP over UDP on the right, audio and video,
judged on both sides; the gateway's kernel sees no media packet."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 6.0


def main(run):
    with netns.Lab("dx") as lab, gateway.Running(lab, run, run.folder, "af_xdp") as running:
        outcome = place_call.place(lab, running.rest, run.folder, run.media, CALL_S, "af_xdp", say=run.say)
        for row in outcome.rows:
            run.say(str(row))
        run.complain(outcome.complaints)


if __name__ == "__main__":
    scenario.main(main)
