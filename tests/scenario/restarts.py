#!/usr/bin/env python3
"""Both planes killed in turn, at random moments, under 100 calls with audio and video, encrypted on both sides: no packet is lost
when the control plane restarts; when the data plane does, media is back within half a second and goes on under the same keys with
no index used twice. Then all calls end and nothing is left. ISTHMUS_RESTARTS=100 in the environment for a long run."""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, scenario, sipp  # noqa: E402  (the path comes first)

CALLS, RATE = 100, 20
RESTARTS = int(os.environ.get("ISTHMUS_RESTARTS", "4"))
APART_S = (15.5, 17.5)  # in turn: three crashes of a plane within a minute would set its state aside, as they should
SEED = 20261128
READY_S, LEFT_OVER_S = 10.0, 40.0
MAX_GAP_MS = 500
SETTLE_S = 2.0
PAYLOADS = {"audio": (0, 160), "video": (97, 900)}  # payload type, bytes


def descriptions(messages, wanted):
    """{who: {kind: (port, key)}} of the session descriptions for which wanted(sent, message); who: the caller's number."""
    found = {}
    for sent, message in messages:
        caller = re.search(r"^From:.*sip:left-(\d+)@", message, re.M)
        if not caller or "\nm=audio" not in message or not wanted(sent, message):
            continue
        sections = re.findall(r"^m=(audio|video) (\d+) .*?^a=crypto:\d+ AES_CM_128_HMAC_SHA1_80 inline:([^|\s]+)", message, re.M | re.S)
        found[int(caller[1])] = {kind: (int(port), key) for kind, port, key in sections}
    return found


def is_offer(message):
    return message.startswith("INVITE")


def streams(sip, side, offers):
    """Lines for isthmus-media-peer: one for each stream of a side. offers: whether that side makes the offer."""
    messages = sip.messages()
    own = descriptions(messages, lambda sent, message: sent and is_offer(message) == offers)
    theirs = descriptions(messages, lambda sent, message: not sent and is_offer(message) != offers)
    lines = []
    for who, kinds in own.items():
        for kind, (port, key) in kinds.items():
            far_port, far_key = theirs[who][kind]
            payload_type, size = PAYLOADS[kind]
            lines.append(f"{side.peer}:{port} {side.gateway}:{far_port} {key} {far_key} {payload_type} {size}")
    return lines


class MediaPeer:
    def __init__(self, run, lab, place, lines):
        file = run.folder / f"{place}.streams"
        file.write_text("\n".join(lines) + "\n")
        self.process = lab.start(place, [run.peers / "bin/isthmus-media-peer", file], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=(run.folder / f"{place}.err").open("wb"))

    def figures(self):
        """What happened since the last time."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def restart(run, running, peers, plane, number):
    for peer in peers.values():
        peer.figures()
    began = time.monotonic()
    running.kill(f"isthmus-{plane}")
    netns.wait_until(running.rest.ready, READY_S, f"return after restart {number} ({plane})")
    ready_s = time.monotonic() - began
    time.sleep(SETTLE_S)
    figures = {place: peer.figures() for place, peer in peers.items()}
    run.say(f"restart {number}, {plane}: ready after {ready_s:.2f} s; " + "; ".join(
        f"{place}: {one['received']} came, {one['lost']} lost, longest gap {one['longest_gap_ms']:.0f} ms" for place, one in figures.items()))
    for place, one in figures.items():
        where = f"restart {number} of the {plane}, {place}"
        run.check(one["forged"] == 0 and one["replayed"] == 0, f"{where}: {one['forged']} packets open with no key, {one['replayed']} "
                  "came under an index used before")
        run.check(one["never_heard"] == 0, f"{where}: {one['never_heard']} streams are silent")
        if plane == "controlplane":
            run.check(one["lost"] == 0, f"{where}: {one['lost']} packets lost")
        else:
            run.check(one["longest_gap_ms"] <= MAX_GAP_MS, f"{where}: {one['longest_gap_ms']} ms without media")
    return figures


def main(run):
    chance = random.Random(SEED)
    seconds = CALLS / RATE + RESTARTS * (APART_S[1] + 1) + 10
    with netns.Lab("rs") as lab, gateway.Running(lab, run, run.folder, "af_xdp", left_transport="udp", right_transport="udp",
                                                right_encryption="required", monitor="false", max_calls=2 * CALLS) as running:
        answering = sipp.Sipp(lab, "right", "uas_call_av", run.folder, netns.RIGHT.peer, CALLS, timeout_s=int(seconds) + 60,
                              keep_messages=True)
        calling = sipp.Sipp(lab, "left", "uac_call_av", run.folder, netns.LEFT.peer, CALLS, RATE, int(seconds * 1000),
                            timeout_s=int(seconds) + 60, target=(netns.LEFT.gateway, 5060), keep_messages=True)
        netns.wait_until(lambda: len(running.rest.value("/api/v1/calls?limit=200")["items"]) == CALLS, 30, f"{CALLS} calls")
        time.sleep(1)  # their answers
        peers = {"left": MediaPeer(run, lab, "left", streams(calling, netns.LEFT, True)),
                 "right": MediaPeer(run, lab, "right", streams(answering, netns.RIGHT, False))}
        time.sleep(SETTLE_S)
        for number in range(1, RESTARTS + 1):
            time.sleep(chance.uniform(*APART_S) - SETTLE_S)
            restart(run, running, peers, ("controlplane", "dataplane")[number % 2], number)
        run.check(len(running.rest.value("/api/v1/calls?limit=200")["items"]) == CALLS, "not all calls are up any more")
        for side in (calling, answering):
            run.complain(side.wait(seconds + 60))
        for peer in peers.values():  # not before: calls without media are ended
            netns.stop(peer.process)
        gateway.wait_until_nothing_left(run, running, LEFT_OVER_S)


if __name__ == "__main__":
    scenario.main(main)
