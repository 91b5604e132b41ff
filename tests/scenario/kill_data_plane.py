#!/usr/bin/env python3
"""kill -9 of the data plane in the middle of a call: it is started and programmed again, media flows both ways again and is as
good as before, no SRTP index is used twice with the same key, and the call is ended as usual."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import (capture, gateway, judge_call, judge_flow, judge_picture, judge_sound, demo_media, netns,  # noqa: E402
                           place_call, scenario, srtp_oracle)

BEFORE_S, AFTER_S = 3.0, 8.0
BACK_S = 6.0


def main(run):
    with netns.Lab("kd") as lab, gateway.Running(lab, run, run.folder, "af_xdp") as running:
        left, right = place_call.endpoints(lab, run.folder, run.media)
        captures = place_call.Captures(lab, run.folder)
        try:
            right.start()
            left.start()
            left.dial(f"sip:right@{netns.LEFT.gateway}:5060")
            left.wait_established()
            time.sleep(BEFORE_S)
            calls = [call["id"] for call in running.rest.value("/api/v1/calls")["items"]]
            struck = time.time()
            running.kill("isthmus-dataplane")
            netns.wait_until(running.rest.ready, BACK_S, "return of the data plane")
            run.say(f"the gateway is ready again after {time.time() - struck:.1f} s")
            time.sleep(AFTER_S)
            pictures = {endpoint.place: endpoint.picture() for endpoint in (left, right)}
            time.sleep(1)
            run.check([call["id"] for call in running.rest.value("/api/v1/calls")["items"]] == calls, "the call is not the same")
            left.hang_up()
            netns.wait_until(lambda: not right.in_call(), 5, "end of the call at right")
        finally:
            left.stop()
            right.stop()
            captures.stop()
        media_came_back(run, captures, struck)
        what_was_received(run, left, right, pictures)
        no_index_twice(run, captures.files["left"])


def media_came_back(run, captures, struck):
    for side in netns.SIDES:
        streams = judge_flow.streams([packet for packet in capture.read(captures.files[side.name])
                                      if packet.source == side.gateway and packet.time_s > struck], {0: 8000, None: 90000})
        again = [stream for stream in streams if stream.last_s > struck + AFTER_S - 1]
        for stream in again:
            outage = stream.first_s - struck
            run.say(f"{side.name}: payload type {stream.payload_type} came again {outage:.1f} s after the stroke, then lost {stream.lost}")
            run.check(outage < BACK_S, f"{side.name}: {outage:.1f} s without media")
            run.check(stream.lost == 0, f"{side.name}: {stream.lost} packets lost after the return")
        run.check(len(again) == 2, f"{side.name}: {len(again)} streams after the return, not 2")


def what_was_received(run, left, right, pictures):
    for receiver, sender in ((left, "right"), (right, "left")):
        _, complaints = judge_picture.judge([pictures[receiver.place]], demo_media.film(run.media, sender), minimum=1)
        samples, rate = judge_sound.read(receiver.recording())
        sound = judge_sound.measure(samples[-4 * rate:], rate)  # of the time after the return
        run.check(abs(sound.tone_hz - demo_media.TONES_HZ[sender]) <= judge_sound.MAX_ERROR_HZ and
                  sound.longest_gap_ms <= judge_sound.MAX_GAP_MS, f"{receiver.place} heard {sound} after the return")
        run.complain([f"{receiver.place}: {complaint}" for complaint in complaints])


def no_index_twice(run, path):
    """All that went to left under each key, over the death of the process that sent it."""
    keys = judge_call.keys_from(path, netns.LEFT.gateway)
    packets = [packet for packet in capture.read(path) if packet.source == netns.LEFT.gateway and packet.ssrc is not None]
    run.check(packets != [], "nothing was sent to left")
    for kind, attribute in keys.items():
        used = set()
        opener = srtp_oracle.Opener(attribute)
        for packet in packets:
            if (packet.payload_type in (0, 8)) != (kind == "audio"):
                continue
            opener.open(packet.datagram)
            index = (packet.ssrc, opener.index(packet.ssrc, packet.sequence))
            if index in used:
                run.complain([f"{kind}: index {index[1]} of SSRC {index[0]:08x} was used twice with one key"])
                break
            used.add(index)
        run.say(f"{kind}: {len(used)} packets, {len({ssrc for ssrc, _ in used})} SSRCs, each index once")


if __name__ == "__main__":
    scenario.main(main)
