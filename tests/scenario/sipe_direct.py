#!/usr/bin/env python3
"""Two pidgin-sipe clients call each other through the registrar, without a gateway: shows that the Microsoft endpoint, its Front
End and the judges are sound, so that a later failure is the gateway's."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import capture, demo_media, judge_picture, judge_sound, lab_ca, netns, scenario, sipe  # noqa: E402  (the path comes first)

CALL_S = 8.0
PICTURES = 4


def judge(run, name, endpoint, sender, pictures, seconds):
    """Both are endpoints; pictures: those that endpoint kept."""
    matches, wrong = judge_picture.judge(pictures, demo_media.film(run.media, sender.place), within_s=seconds + 10)
    sound, more = judge_sound.judge(endpoint.recording(), demo_media.TONES_HZ[sender.place], seconds - 1.0)
    run.say(f"{name}: {endpoint.user} heard {sound.tone_hz:.1f} Hz, longest gap {sound.longest_gap_ms} ms, saw "
            f"{[(match.frame, round(match.ssim, 3)) for match in matches]}")
    run.complain([f"{name}: {endpoint.user}: {sentence}" for sentence in wrong + more + endpoint.complaints()])


def call(run, name, certificate):
    folder = run.folder / name
    with netns.Lab(name, direct=True) as lab:
        front_end = sipe.FrontEnd(lab, "right", folder, netns.LEFT.gateway, certificate)
        left = sipe.Sipe(lab, run.peers, "left", folder / "left", run.media, netns.LEFT.peer, front_end, tone_rate=0)
        right = sipe.Sipe(lab, run.peers, "right", folder / "right", run.media, netns.LEFT.gateway, front_end, tone_rate=0)
        watch = capture.Capture(lab, "left", "eth0", folder / "left.pcap", "udp or tcp")
        try:
            front_end.start()
            right.start()
            left.start()
            left.dial(f"sip:right@{sipe.DOMAIN}")
            for endpoint in (left, right):
                endpoint.wait_established()
                endpoint.wait_for("first_picture", sipe.CALL_S)
            began = time.monotonic()
            pictures = {"left": [], "right": []}
            for _ in range(PICTURES):
                time.sleep(CALL_S / (PICTURES + 1))
                for endpoint in (left, right):
                    pictures[endpoint.place].append(endpoint.picture())
            time.sleep(CALL_S / (PICTURES + 1))
            seconds = time.monotonic() - began
            left.hang_up()
            right.wait_for("call", 15, state="end")
        finally:
            left.stop()
            right.stop()
            watch.stop()
            front_end.stop()
    judge(run, name, left, right, pictures["left"], seconds)
    judge(run, name, right, left, pictures["right"], seconds)
    run.complain([f"{name}: {complaint}" for complaint in front_end.complaints()])


def main(run):
    certificate = lab_ca.make(run.folder / "tls", {"front_end": ["left.example.com", netns.LEFT.gateway]})["front_end"]
    call(run, "tls", certificate)
    call(run, "tcp", None)


if __name__ == "__main__":
    scenario.main(main)
