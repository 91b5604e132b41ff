#!/usr/bin/env python3
"""A Microsoft client of our own and baresip call each other through the gateway: clients of 2010, 2013 and 2016, STUN in both forms, SRTP
with and without a master key identifier, X-H264UC of two temporal layers with prefix units, aggregates, one SSRC or two, and every
form of asking for a key picture. Sound and pictures of both ends are judged, nothing is lost, and each slice comes out bit-exact."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import capture, gateway, ms_call, netns, scenario  # noqa: E402  (the path comes first)
from tests.support.ms_client import rtcp  # noqa: E402

CALL_S = 4.0
ASKED_S = 0.7     # between two requests; the gateway passes on two a second
SETTLED_S = 6.0   # until the gateway asks for no more first pictures
CALLS = {
    "2013": ms_call.Manner(layers=2, prefixes=True, multipart=True),
    "2016 with rtcp-mux, MKI, STUN as RFC 8489": ms_call.Manner(release="2016", keys="mki", form="rfc", layers=2, aggregates=True),
    "called, two SSRCs": ms_call.Manner(caller="right", layers=2, two_sources=True),
    "2010, sound alone": ms_call.Manner(release="2010", keys="mki"),
}
MKI = {"2013": b"", "2016 with rtcp-mux, MKI, STUN as RFC 8489": b"\x01", "2010, sound alone": b"\x01"}


def ask_in_every_form(call):
    """Sends requests one by one; returns (what, whether it asks, from, to) in the capture's clock."""
    video = call.left.video
    time.sleep(max(0.0, call.began + SETTLED_S - time.monotonic()))
    peer = video.received[-1].ssrc
    entry = rtcp.entry(video.section.formats[0])
    wanted = [(what, packet, True) for what, packet in ms_call.picture_loss_forms(video, peer)]
    none = [("a PLI for another SSRC", rtcp.picture_loss(video.ssrc, peer ^ 1), False),
            ("the same source request again", wanted[-1][1], False),
            ("a source request that wants no key picture", rtcp.video_source_request(video.ssrc, [entry], 950), False)]
    asked = []
    for what, packet, asks in wanted + none:
        begin = time.time()
        video.send_rtcp(packet)
        time.sleep(ASKED_S)
        asked.append((what, asks, begin, time.time()))
    return asked


def judge_requests(run, call, asked):
    """Whether the gateway passed them on as PLI (RFC 4585), which is what baresip announces; that encoder does not heed each."""
    passed = [packet.time_s for packet in capture.read(call.capture.path) if packet.source == netns.RIGHT.gateway and packet.ssrc is None
              and packet.datagram[:1] >= b"\x80" and any(one[:2] == (206, 1) for one in rtcp.packets(packet.datagram))]
    for what, asks, begin, end in asked:
        count = sum(begin <= time_s < end for time_s in passed)
        run.check((count == 1) == asks and count <= 1, f"{what}: {count} PLI to the right side")
    run.say(f"key pictures were asked for in {sum(asks for _, asks, _, _ in asked)} ways")


def main(run):
    with netns.Lab("msc") as lab, gateway.Running(lab, run, run.folder, "af_packet", left_transport="tls", left_dialect="microsoft",
                                                  left_domain="ms.example.com", client_certificate="required") as running:
        certificates = gateway.certificates(running.run)
        for number, (name, manner) in enumerate(CALLS.items()):
            with ms_call.Call(lab, run.folder / str(number), run.media, certificates, manner) as call:
                call.run(CALL_S)
                if number == 0:
                    call.left.reports.stop()  # its requests have ids of their own
                    asked = ask_in_every_form(call)
                seconds = call.finish()
            if number == 0:
                judge_requests(run, call, asked)
            rows, complaints = ms_call.judge(call, seconds)
            left = call.left
            run.check((left.video is None) == (manner.release == "2010"), f"{name}: picture {left.video}")
            run.check(left.audio.mki_of_tag.get(left.audio.section.tag, b"") == MKI.get(name, b""), f"{name}: not the key with this MKI")
            run.check(all(stream.mux == (manner.release == "2016") for stream in left.streams.values()), f"{name}: rtcp-mux")
            for row in rows:
                run.say(f"{name}: {row}")
            run.complain([f"{name}: {sentence}" for sentence in complaints])
        netns.wait_until(lambda: running.rest.value("/api/v1/status")["data_plane"]["sessions"] == 0, 10, "end of all sessions")


if __name__ == "__main__":
    scenario.main(main)
