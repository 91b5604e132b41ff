#!/usr/bin/env python3
"""kill -9 of the data plane under calls with media over TCP. Where the client dials it finds the port again and dials; where it listens,
it is dialled; either way it is authenticated by its checks as at first, and sound and pictures go on. A client that does not come back has
its call ended, with the cause."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import capture, gateway, ms_call, netns, scenario, tcp_call  # noqa: E402  (the path comes first)

BEFORE_S, AFTER_S, BACK_S = 2.0, 5.0, 8.0
GONE_S = 75    # 20 s for proof, 30 s of silence, and room
CALLS = {"dials": ms_call.Manner(transport="tcp-act"), "listens": ms_call.Manner(transport="tcp-pass"),
         "dials, of RFC 8489": ms_call.Manner(transport="tcp-act", keys="mki", form="rfc"), "does both": ms_call.Manner(transport="tcp")}


def goes_on(run, lab, running, name, manner):
    """A call over the death of the data plane, at the same ports."""
    with ms_call.Call(lab, run.folder / manner.transport / manner.form, run.media, gateway.certificates(running.run), manner) as call:
        streams = call.left.streams
        for stream in streams.values():
            stream.comes_back = True
        time.sleep(BEFORE_S)
        confirmed = running.rest.counters()["tcp_confirmed"]
        run.check(confirmed >= 2, f"{name}: {confirmed} connections confirmed at first")
        struck, struck_wall = time.monotonic(), time.time()
        running.kill("isthmus-dataplane")
        netns.wait_until(lambda: all(stream.returns and stream.connected for stream in streams.values()), BACK_S, f"{name}: connections")
        for stream in streams.values():
            run.say(f"{name}: {stream.kind} lost its connection {stream.returns[0] - struck:.2f} s after the stroke")
        run.say(f"{name}: authenticated again {time.monotonic() - struck:.2f} s after the stroke")
        came = {kind: len(stream.received) for kind, stream in streams.items()}
        time.sleep(AFTER_S)
        for kind, stream in streams.items():
            arrived = len(stream.received) - came[kind]
            run.check(arrived > 25 * AFTER_S * 0.8, f"{name}: {kind}: {arrived} packets in {AFTER_S} s after the return")
            run.check(stream.counts["not authentic"] == 0, f"{name}: {kind}: {stream.counts['not authentic']} packets not authentic")
            run.complain([f"{name}: {sentence}" for sentence in stream.wrong])
        running_calls = running.rest.value("/api/v1/calls")["items"]
        run.check([one["state"] for one in running_calls] == ["up"], f"{name}: the call is {[one['state'] for one in running_calls]}")
        after = running.rest.counters()
        counted = {key: after[key] for key in sorted(after) if "tcp_" in key and after[key]}
        run.say(f"{name}: counted since: {counted}")
        run.check(after["tcp_confirmed"] >= 2, f"{name}: nobody was authenticated anew: {counted}")
        call.finish()
    at_right(run, name, call, struck_wall)


def at_right(run, name, call, struck):
    """What the far side got: both kinds come again, and lose nothing from then on but what the client sends without a connection."""
    packets = [one for one in capture.read(call.capture.path) if one.source == netns.RIGHT.gateway and one.time_s > struck and
               one.ssrc is not None]
    kinds = {}
    for one in packets:
        kinds.setdefault(one.payload_type, []).append(one.time_s)
    flowing = {kind: times for kind, times in kinds.items() if len(times) > 50}
    for kind, times in flowing.items():
        gap = max((later - earlier for earlier, later in zip([struck, *times], times)), default=0)
        run.say(f"{name}: right: payload type {kind} stood still for {gap:.2f} s, then {len(times)} packets")
        run.check(gap < BACK_S, f"{name}: right: {gap:.1f} s without payload type {kind}")
        run.check(times[-1] - times[0] > AFTER_S - 1, f"{name}: right: payload type {kind} flowed for {times[-1] - times[0]:.1f} s alone")
    run.check(len(flowing) == 2, f"{name}: right: {len(flowing)} streams after the return, not 2")


def never_comes_back(run, lab, running):
    manner = ms_call.Manner(transport="tcp-act")
    with ms_call.Call(lab, run.folder / "gone", run.media, gateway.certificates(running.run), manner) as call:
        time.sleep(BEFORE_S)
        name = running.rest.value("/api/v1/calls")["items"][0]["id"]
        struck = time.monotonic()
        running.kill("isthmus-dataplane")
        netns.wait_until(lambda: call.left.call.ended.is_set(), GONE_S, "end of the call whose client stays away")
        run.say(f"gone: the call was ended {time.monotonic() - struck:.0f} s after the stroke")
        netns.wait_until(lambda: not call.right.in_call(), 5, "end of the call at right")
        record = running.rest.value(f"/api/v1/calls/{name}")
        run.say(f"gone: {record['end_reason']}")
        run.check("peer is gone" in record["end_reason"], f"gone: the call ended because of: {record['end_reason']}")


def main(run):
    with netns.Lab("tcpr") as lab:
        # Three crashes of a plane within a minute would set its state aside, as they should: a gateway for each call.
        for number, (name, manner) in enumerate(CALLS.items()):
            with gateway.Running(lab, run, run.folder / f"gateway{number}", "af_packet", **tcp_call.MICROSOFT) as running:
                goes_on(run, lab, running, name, manner)
                gateway.wait_until_nothing_left(run, running, 15)
        with gateway.Running(lab, run, run.folder / "gateway-gone", "af_packet", **tcp_call.MICROSOFT) as running:
            never_comes_back(run, lab, running)
            gateway.wait_until_nothing_left(run, running, 15)


if __name__ == "__main__":
    scenario.main(main)
