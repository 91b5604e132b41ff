#!/usr/bin/env python3
"""A Microsoft client of our own in front of the gateway: bodies of several releases, then damaged and contradicting ones. Each is
answered or refused clearly, with a reason, the connection stays, and nothing of the call is left."""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import baresip, gateway, netns, scenario  # noqa: E402  (the path comes first)
from tests.support.ms_client import bodies, client  # noqa: E402

SDP = "application/sdp"
FINE, REFUSED = (200,), (400, 413, 415, 488)


def releases(offer):
    """(what, type, body, right statuses): good ones, as each release writes them."""
    for release in bodies.RELEASES:
        yield f"{release}, one part", SDP, offer(release), FINE
    old, new = bodies.stub(netns.LEFT.peer), offer("2013")
    yield "2013, fallback part first", *bodies.multipart(old, new), FINE
    kind, body = bodies.multipart(new, fallback=False)
    yield "one part in a multipart", kind, body, FINE
    yield "multipart/mixed", kind.replace("alternative", "mixed"), body, FINE
    yield "boundary without quotes", kind.replace('"', ""), body, FINE


def damaged_parts(offer):
    kind, body = bodies.multipart(bodies.stub(netns.LEFT.peer), offer("2013"))
    mark = bodies.BOUNDARY
    yield "no boundary parameter", "multipart/alternative", body, REFUSED
    yield "another boundary", kind.replace("EXAMPLE", "OTHER"), body, REFUSED
    yield "boundary of 5000 letters", f'multipart/alternative;boundary="{"x" * 5000}"', body, REFUSED
    yield "never closed", kind, body.replace(f"--{mark}--", ""), FINE + REFUSED
    yield "cut in a header", kind, body[:body.rindex("Content-Disposition") + 9], FINE + REFUSED
    yield "only boundaries", kind, f"--{mark}\r\n" * 500 + f"--{mark}--\r\n", REFUSED
    yield "500 parts", *bodies.multipart(*[offer("2013")] * 500), REFUSED
    yield "only the fallback part", *bodies.multipart(bodies.stub(netns.LEFT.peer), fallback=True), REFUSED
    inner_kind, inner = bodies.multipart(offer("2013"), boundary="inner")
    nested = body[:body.index("v=0")] + inner
    yield "multipart in a multipart", kind, nested.replace("application/sdp", inner_kind, 1), FINE + REFUSED
    yield "noise", kind, bytes(range(256)) * 40, REFUSED


def damaged_descriptions(offer):
    good = offer("2013")

    def changed(pattern, by, count=0):
        return re.sub(pattern, by, good, count=count, flags=re.MULTILINE)

    line = re.search(r"^a=candidate:.*\r\n", good, re.MULTILINE)[0]
    yield "200 candidates", SDP, good + "".join(line.replace("candidate:1 ", f"candidate:{n} ") for n in range(2, 202)), FINE + REFUSED
    yield "5000 candidates", SDP, good + line * 5000, FINE + REFUSED
    yield "candidates that are none", SDP, changed(r"^a=candidate:.*", "a=candidate:1 9 UDP x 999.1.1.1 99999 typ"), FINE + REFUSED
    yield "candidates of the gateway itself", SDP, changed(r"(^a=candidate:1 \d UDP \d+) \S+", rf"\1 {netns.LEFT.gateway}"), FINE + REFUSED
    yield "candidates of the loopback", SDP, changed(r"(^a=candidate:1 \d UDP \d+) \S+", r"\1 127.0.0.1"), FINE + REFUSED
    yield "labels that contradict", SDP, changed(r"^a=label:.*", "a=label:main-video\r\na=label:main-audio\r\na=label:panoramic-video"), FINE + REFUSED
    yield "four billion SSRCs", SDP, changed(r"^a=x-ssrc-range:.*", "a=x-ssrc-range:0-4294967295"), FINE + REFUSED
    yield "SSRCs backwards", SDP, changed(r"^a=x-ssrc-range:.*", "a=x-ssrc-range:4294967295-1"), FINE + REFUSED
    yield "SSRCs beyond 32 bit", SDP, changed(r"^a=x-ssrc-range:.*", "a=x-ssrc-range:1-99999999999999999999"), FINE + REFUSED
    yield "short keys", SDP, changed(r"inline:[A-Za-z0-9+/=]+", "inline:AAAA"), REFUSED
    yield "no keys", SDP, changed(r"^a=crypto.*\r\n", ""), REFUSED
    yield "unknown suites", SDP, changed(r"AES_CM_128_HMAC_SHA1_80", "ROT13_HMAC_CRC8"), REFUSED
    yield "the same tag a hundred times", SDP, changed(r"^(a=crypto:3 .*\r\n)", r"\1" * 100), FINE + REFUSED
    yield "a short key beside a good one", SDP, changed(r"^(a=crypto:)2 (\S+ inline:)\S+?\|", r"\g<1>2 \g<2>AAAA|"), FINE + REFUSED
    yield "tags that are none", SDP, changed(r"^a=crypto:\d+", "a=crypto:99999999999"), FINE + REFUSED
    yield "an MKI of 300 bytes", SDP, changed(r"\|1:1", "|1:300"), FINE + REFUSED
    yield "no ICE password", SDP, changed(r"^a=ice-pwd.*\r\n", ""), FINE + REFUSED
    yield "an ICE password of 5000 letters", SDP, changed(r"^a=ice-pwd:.*", "a=ice-pwd:" + "x" * 5000), FINE + REFUSED
    yield "a line of 60000 letters", SDP, good + "a=x-caps:" + "1" * 60_000 + "\r\n", FINE + REFUSED
    yield "3000 sections", SDP, good + "m=video 0 RTP/SAVP 122\r\n" * 3000, REFUSED
    yield "no words", SDP, "", REFUSED + (200,)
    yield "another type", "application/ms-conf-invite+xml", "<x/>", (415, 488)


def one(run, own, offer_case):
    what, kind, body, right = offer_case
    call = own.invite(kind, body)
    status = call.wait()
    run.check(status in right, f"{what}: {status}, not one of {right}")
    if status == 200:
        call.bye()
    elif status == 488:
        run.check(re.search(r"(?im)^(warning|ms-client-diagnostics|ms-diagnostics)\s*:", call.head), f"{what}: 488 without a reason")
    return status


def main(run):
    with netns.Lab("hostms") as lab, gateway.Running(lab, run, run.folder, "af_packet", left_transport="tls",
                                                     left_dialect="microsoft", client_certificate="required") as running:
        certificates = gateway.certificates(running.run)
        right = baresip.Baresip(lab, "right", run.folder / "right", run.media, netns.RIGHT.peer, "udp", "none")
        right.start()
        own = client.Client(lab, netns.LEFT.peer, certificates["left"], (netns.LEFT.gateway, gateway.TLS_PORTS["left"]))
        own.connect()
        streams = own.streams("audio", "video")

        def offer(release):
            return bodies.offer(release, netns.LEFT.peer, streams)

        counts = {}
        for cases in (releases, damaged_parts, damaged_descriptions):
            for case in cases(offer):
                status = one(run, own, case)
                counts[status] = counts.get(status, 0) + 1
        run.say(f"answers: {counts}")
        # After all this a good one still comes through, on the same connection.
        run.check(one(run, own, ("a good one at the end", SDP, offer("2013"), FINE)) == 200, "nothing good comes through any more")
        netns.wait_until(lambda: running.rest.value("/api/v1/status")["data_plane"]["sessions"] == 0, 40, "end of all sessions")
        for stream in streams.values():
            stream.stop()
        own.close()
        right.stop()
        log = running.log.read_text(errors="replace")
        run.check("child.ended" not in log, "a plane ended")


if __name__ == "__main__":
    scenario.main(main)
