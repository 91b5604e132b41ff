#!/usr/bin/env python3
"""baresip (SDES-SRTP over TCP) calls linphone (plain RTP over UDP) through the gateway, and linphone calls baresip: two
implementations that share no code. Signalling, and sound both ways."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import baresip, gateway, judge_sound, demo_media, linphone, netns, scenario  # noqa: E402  (the path comes first)

CALL_S = 5.0


def call(run, lab, name, left_calls):
    folder = run.folder / name
    left = baresip.Baresip(lab, "left", folder / "left", run.media, netns.LEFT.peer, "tcp", "srtp-mand")
    right = linphone.Linphone(lab, "right", folder / "right", run.media, netns.RIGHT.peer)
    try:
        left.start()
        right.start()
        if left_calls:
            left.dial(f"sip:right@{netns.LEFT.gateway}:5060")
        else:
            right.dial(f"sip:left@{netns.RIGHT.gateway}:5060")
        left.wait_established()
        right.wait_established()
        time.sleep(CALL_S)
        (left if left_calls else right).hang_up()
        netns.wait_until(lambda: right.ended() and not left.in_call(), 5, "end of the call on both sides")
    finally:
        left.stop()
        right.stop()
    for hearer, speaker in ((left, "right"), (right, "left")):
        sound, complaints = judge_sound.judge(hearer.recording(), demo_media.TONES_HZ[speaker], CALL_S - 1.5)
        run.say(f"{name}: {hearer.place} heard {sound}")
        run.complain([f"{name}: {hearer.place}: {complaint}" for complaint in complaints])


def main(run):
    with netns.Lab("lin") as lab, gateway.Running(lab, run, run.folder, "af_xdp"):
        call(run, lab, "baresip-calls", left_calls=True)
        call(run, lab, "linphone-calls", left_calls=False)


if __name__ == "__main__":
    scenario.main(main)
