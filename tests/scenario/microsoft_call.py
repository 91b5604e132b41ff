#!/usr/bin/env python3
"""pidgin-sipe, a Microsoft client (TLS through its Front End, ICE, SRTP required, X-H264UC), and baresip (H.264) call each other
through the gateway: in both directions, with a clear and with an encrypted standards side. Both ends' sound and pictures are
judged, every slice of video must come out bit-exact, and the Front End takes all that the gateway says to it."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, microsoft_call, netns, scenario  # noqa: E402  (the path comes first)

CALL_S = 8.0
DIGIT = "5"


def dial_digit(ends):
    ends.left.order(f"dtmf {DIGIT}")


def main(run):
    for name, standards in microsoft_call.STANDARDS.items():
        with netns.Lab(f"ms-{name}") as lab, gateway.Running(lab, run, run.folder / name, "af_packet", **microsoft_call.GATEWAY,
                                                             **standards.gateway) as running:
            for caller in ("left", "right"):
                outcome = microsoft_call.place(lab, running.rest, run.peers, run.folder / f"{name}-{caller}", run.media, CALL_S,
                                               running.io_mode, gateway.certificates(running.run), say=run.say, caller=caller,
                                               during=dial_digit, **standards.endpoint)
                for row in outcome.rows:
                    run.say(str(row))
                heard = (run.folder / f"{name}-{caller}/right/baresip.log").read_text(errors="replace")
                run.check(f"event: '{DIGIT}'" in heard, f"{name}, {caller} calls: baresip heard no digit (RFC 4733)")
                run.complain([f"{name}, {caller} calls: {complaint}" for complaint in outcome.complaints])


if __name__ == "__main__":
    scenario.main(main)
