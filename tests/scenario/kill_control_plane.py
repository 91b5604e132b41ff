#!/usr/bin/env python3
"""kill -9 of the control plane in the middle of a call: media goes on with no packet lost, the control plane is back and knows
the call within 5 s, and the call is then ended by the side that dialled, and gone on the other. A second call is held and taken
up again after the kill."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 12.0
BACK_S = 5.0


def kill(run, running):
    before = [call["id"] for call in running.rest.value("/api/v1/calls")["items"]]
    began = time.monotonic()
    running.kill("isthmus-controlplane")
    netns.wait_until(running.rest.ready, BACK_S, "return of the control plane")
    run.say(f"the control plane is back after {time.monotonic() - began:.1f} s")
    after = [call["id"] for call in running.rest.value("/api/v1/calls")["items"]]
    run.check(len(before) == 1 and after == before, f"the calls before were {before}, after {after}")


def hold(run, lab, running):
    """left holds and takes up; that right heard of it shows in the sound that it sends, or does not."""
    left, right = place_call.endpoints(lab, run.folder / "held", run.media)

    def came_from_right():
        sound = [stream for stream in place_call.shown(running.rest)["streams"] if stream["kind"] == "audio"]
        return sound[0]["legs"][1]["figures"]["packets_received"]

    def sends(seconds=1.5):
        before = came_from_right()
        time.sleep(seconds)  # the figures are of every second
        return came_from_right() > before

    try:
        right.start()
        left.start()
        left.dial(f"sip:right@{netns.LEFT.gateway}:5060")
        left.wait_established()
        netns.wait_until(sends, 10, "sound of the second call")
        kill(run, running)
        run.check(sends(), "no sound after the kill")
        left.command("hold")
        netns.wait_until(lambda: not sends(), 10, "silence of the side that is held")
        left.command("resume")
        netns.wait_until(sends, 10, "sound after the call was taken up")
        run.say("held and taken up after the kill")
        left.hang_up()
        netns.wait_until(lambda: not right.in_call(), 5, "end of the second call")
    finally:
        left.stop()
        right.stop()


def main(run):
    with netns.Lab("kc") as lab, gateway.Running(lab, run, run.folder, "af_xdp") as running:
        outcome = place_call.place(lab, running.rest, run.folder, run.media, CALL_S, "af_xdp", say=run.say,
                                   during=lambda *_: kill(run, running))
        run.complain(outcome.complaints)
        hold(run, lab, running)
        netns.wait_until(lambda: running.rest.value("/api/v1/calls")["items"] == [], 5, "end of the call in the gateway")
        pools = running.rest.value("/api/v1/status")["data_plane"]["pools"]
        run.check(all(pool["in_use"] == 0 for pool in pools), f"ports are still in use: {pools}")


if __name__ == "__main__":
    scenario.main(main)
