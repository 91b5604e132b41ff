#!/usr/bin/env python3
"""The two endpoints call each other without a gateway, encrypted over TCP and clear over UDP: shows that the endpoints, the
demo media and the judges are sound, so that a later failure is the gateway's."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import baresip, capture, judge_call, netns, scenario  # noqa: E402  (the path comes first)

CALL_S = 5.0


def call(run, name, transport, encryption):
    folder = run.folder / name
    left_address, right_address = netns.LEFT.peer, netns.LEFT.gateway
    with netns.Lab(name, direct=True) as lab:
        left = baresip.Baresip(lab, "left", folder / "left", run.media, left_address, transport, encryption)
        right = baresip.Baresip(lab, "right", folder / "right", run.media, right_address, transport, encryption)
        captures = {place: capture.Capture(lab, place, "eth0", folder / f"{place}.pcap") for place in ("left", "right")}
        right.start()
        left.start()
        left.dial(f"sip:right@{right_address}:5060")
        left.wait_established()
        began = time.monotonic()
        pictures = {"left": [], "right": []}
        while time.monotonic() - began < CALL_S:
            time.sleep(1.4)
            for endpoint in (left, right):
                pictures[endpoint.place].append(endpoint.picture())
        time.sleep(0.3)
        seconds = time.monotonic() - began
        left.hang_up()
        time.sleep(0.3)
        left.stop()
        right.stop()
        files = {place: one.stop() for place, one in captures.items()}
        parties = [judge_call.Party(endpoint.place, endpoint.address, other.address, pictures[endpoint.place],
                                    endpoint.recording(), capture.read(files[endpoint.place]),
                                    judge_call.keys_from(files[endpoint.place], other.address) if encryption != "none" else {},
                                    capture.ENDPOINT_PORTS)
                   for endpoint, other in ((left, right), (right, left))]
    rows, complaints = judge_call.judge(parties, seconds, run.media, capture.answered_at(files["left"], right_address))
    for row in rows:
        run.say(f"{name}: {row}")
    run.complain([f"{name}: {complaint}" for complaint in complaints])


def main(run):
    call(run, "srtp-tcp", "tcp", "srtp-mand")
    call(run, "clear-udp", "udp", "none")


if __name__ == "__main__":
    scenario.main(main)
