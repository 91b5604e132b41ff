#!/usr/bin/env python3
"""DSCP of media (R77), in af_xdp and in socket mode: towards the left, sound is set and pictures are mapped; towards the right, sound is
copied and pictures are mapped, with what has no entry set. tshark reads the marks of all that leaves the gateway, RTP and RTCP."""
import collections
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import baresip, capture, gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 4.0
SENT = baresip.DSCP
LEFT = f"audio_dscp = 10\nvideo_dscp = {{ {SENT} = 12, other = 1 }}"
RIGHT = f'audio_dscp = "copy"\nvideo_dscp = {{ {SENT + 1} = 2, other = 20 }}'
WANTED = {"left": {"audio": 10, "video": 12}, "right": {"audio": SENT, "video": 20}}


def marks(path, source):
    """{(source port, DSCP): packets} of the media that came from an address."""
    first, last = capture.POOL_PORTS
    rows = subprocess.run(["tshark", "-n", "-r", path, "-Y", f"ip.src == {source} && udp.srcport >= {first} && udp.srcport <= {last}",
                           "-T", "fields", "-e", "udp.srcport", "-e", "ip.dsfield.dscp"], check=True, capture_output=True, text=True)
    return collections.Counter(tuple(map(int, row.split())) for row in rows.stdout.splitlines())


def check(run, mode, place, path, faces):
    """The stream with more packets is the pictures'; RTP has the even port, RTCP the one above."""
    seen = marks(path, faces)
    of_port = {port: sum(count for (one, _), count in seen.items() if one == port) for port, _ in seen}
    pictures, sound = sorted((port for port in of_port if port % 2 == 0), key=of_port.get, reverse=True)
    for kind, port in (("video", pictures), ("audio", sound)):
        for what, at in (("RTP", port), ("RTCP", port + 1)):
            found = {mark: count for (one, mark), count in seen.items() if one == at}
            wanted = WANTED[place][kind]
            # Reports before the first packet of media have nothing to copy.
            early = sum(count for mark, count in found.items() if mark != wanted)
            run.check(found.get(wanted, 0) > 0 and early <= (what == "RTCP"), f"{mode}: {kind} {what} to {place}: {found}, wanted {wanted}")
            run.say(f"{mode}: {kind} {what} to {place}: {found}")


def main(run):
    for mode in ("af_xdp", "socket"):
        with netns.Lab("dscp") as lab, gateway.Running(lab, run, run.folder / mode, mode, left_media=LEFT, right_media=RIGHT) as running:
            outcome = place_call.place(lab, running.rest, run.folder / mode, run.media, CALL_S, mode, say=run.say)
            run.complain(outcome.complaints)
        for side in netns.SIDES:
            check(run, mode, side.name, run.folder / mode / f"{side.name}.pcap", side.gateway)


if __name__ == "__main__":
    scenario.main(main)
