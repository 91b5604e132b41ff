#!/usr/bin/env python3
"""Bad SIP and bad SDP over TCP and UDP: the right refusal, with a Warning that says what is wrong with an SDP, and the
connection kept wherever framing allows. Afterwards the gateway still answers and holds nothing."""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, scenario  # noqa: E402  (the path comes first)

LOCAL = netns.LEFT.peer
GATEWAY = netns.LEFT.gateway
SDP = (f"v=0\r\no=x 1 1 IN IP4 {LOCAL}\r\ns=-\r\nc=IN IP4 {LOCAL}\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
       "a=rtpmap:0 PCMU/8000\r\n")


def request_over(method, number, body="", transport="TCP", **changes):
    """A good request; changes replace or (None) drop a header. Over the other transport it is another transaction."""
    number = f"{transport}{number}"
    headers = {"Via": f"SIP/2.0/{transport} {LOCAL}:5060;branch=z9hG4bK-{method}-{number};rport", "Max-Forwards": "70",
               "From": f"<sip:left@{LOCAL}>;tag=t{number}", "To": f"<sip:right@{GATEWAY}>", "Call-ID": f"c{number}@{LOCAL}",
               "CSeq": f"1 {method}", "Contact": f"<sip:left@{LOCAL}:5060;transport={transport.lower()}>"}
    if body:
        headers["Content-Type"] = "application/sdp"
    headers["Content-Length"] = str(len(body))
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{method} sip:right@{GATEWAY} SIP/2.0"] + [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


# (what, bytes, status codes of which one is right, must the answer hold a Warning, does the connection stay)
def cases(transport):
    def request(method, number, body="", **changes):
        return request_over(method, number, body, transport, **changes)

    yield "OPTIONS", request("OPTIONS", 1), (200,), False, True
    yield "unknown method", request("FROBNICATE", 2), (405, 501), False, True
    yield "SERVICE, which the parser would mute", request("SERVICE", 3), (405, 501), False, True
    yield "SDP without v=", request("INVITE", 4, SDP.replace("v=0\r\n", "")), (100, 180, 200, 480, 408, 404, 400, 488), False, True
    yield "SDP of noise", request("INVITE", 5, "this is no session description"), (400, 488), True, True
    yield "SDP without media", request("INVITE", 6, SDP.split("m=")[0]), (400, 488), True, True
    yield "only a codec nobody has", request("INVITE", 7, SDP.replace("PCMU/8000", "NONSENSE/8000").replace("AVP 0", "AVP 99")
                                             .replace("rtpmap:0", "rtpmap:99")), (488,), True, True
    yield "unknown content type", request("INVITE", 8, "x", Content_Type="text/nonsense"), (415,), False, True
    yield "unknown extension required", request("INVITE", 9, SDP, Require="no-such-extension"), (420,), False, True
    yield "no hops left", request("INVITE", 10, SDP, Max_Forwards="0"), (483,), False, True
    yield "no From", request("INVITE", 11, SDP, From=None), (400,), False, True
    yield "no Call-ID", request("INVITE", 12, SDP, Call_ID=None), (400,), False, True
    yield "CSeq of another method", request("INVITE", 13, SDP, CSeq="1 OPTIONS"), (400,), False, True
    yield "other version", request("OPTIONS", 14).replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1), (505, 400), False, True
    yield "nobody there", request("INVITE", 15, SDP).replace(b"INVITE sip:right", b"INVITE sip:nobody", 1), (404,), False, True
    yield "BYE outside a dialog", request("BYE", 16), (481,), False, True
    yield "CANCEL of nothing", request("CANCEL", 17), (481,), False, True
    yield "two Content-Lengths", request("OPTIONS", 18, Content_Length="0\r\nContent-Length: 5"), (400, None), False, False
    yield "300 headers", request("OPTIONS", 19, X_A="1" + "\r\nX-A: 1" * 300), (400, 413, 513, None), False, False
    yield "40 KB of headers", request("OPTIONS", 20, X_A="a" * 40_000), (400, 413, 513, None), False, False
    yield "body of 300 KB", request("INVITE", 21, Content_Length=str(300 * 1024)), (413, 513, 400, None), False, False
    yield "no SIP at all", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", (400, 505, None), False, False


def read_answer(connection, skip_provisional=True, branch=b""):
    """(status, text) of the next final answer; None when the connection was closed or nothing came. branch: skips answers to
    other requests, which are sent again over UDP until they are acknowledged."""
    text = b""
    try:
        while True:
            part = connection.recv(65536)
            if not part:
                return None, ""
            text += part
            while b"\r\n\r\n" in text:
                head, rest = text.split(b"\r\n\r\n", 1)
                size = int((re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head) or [0, 0])[1])
                if len(rest) < size:
                    break
                text = rest[size:]
                status = re.match(rb"SIP/2\.0 (\d+)", head)
                if status and branch in head and (not skip_provisional or int(status[1]) >= 200):
                    return int(status[1]), head.decode(errors="replace")
    except (TimeoutError, ConnectionError):
        return None, ""


def over_tcp(run, lab):
    connection, number = None, 1000
    for what, message, right, warning, stays in cases("TCP"):
        if connection is None:
            connection = netns.connect(lab.names["left"], GATEWAY, 5060)
            connection.settimeout(5)
        connection.sendall(message)
        status, head = read_answer(connection, skip_provisional=100 not in right)
        run.check(status in right, f"tcp, {what}: {status}, not one of {right}")
        run.check(not warning or re.search(r"(?im)^warning:", head), f"tcp, {what}: {status} without Warning")
        if stays:
            number += 1
            connection.sendall(request_over("OPTIONS", number))
            again = read_answer(connection)[0]
            run.check(again == 200, f"tcp, {what}: OPTIONS on the same connection afterwards: {again}")
            if again == 200:
                continue
        connection.close()
        connection = None


def over_udp(run, lab):
    for what, message, right, warning, _ in cases("UDP"):
        if len(message) > 60_000:
            continue
        with netns.udp_socket(lab.names["left"], (LOCAL, 5060), (GATEWAY, 5060)) as sender:
            sender.settimeout(3 if None not in right else 1)
            sender.send(message)
            branch = re.search(rb"branch=[^;\r]+", message)
            status, head = read_answer(sender, 100 not in right, branch[0] if branch else b"no branch")
        # A datagram whose framing is broken may be dropped; everything else gets its answer.
        run.check(status in right, f"udp, {what}: {status}, not one of {right}")
        run.check(not warning or re.search(r"(?im)^warning:", head), f"udp, {what}: {status} without Warning")


def half_open(run, lab):
    """Connections that say nothing or stop in the middle keep nobody else out."""
    silent = [netns.connect(lab.names["left"], GATEWAY, 5060) for _ in range(20)]
    for connection in silent[:10]:
        connection.sendall(b"INVITE sip:right@")
    with netns.connect(lab.names["left"], GATEWAY, 5060) as other:
        other.settimeout(5)
        other.sendall(request_over("OPTIONS", 5000))
        run.check(read_answer(other)[0] == 200, "20 half-open connections keep others out")
    for connection in silent:
        connection.close()


def main(run):
    with netns.Lab("bad") as lab, gateway.Running(lab, run, run.folder, "af_xdp", left_encryption="off",
                                                  monitor="false") as running:
        over_tcp(run, lab)
        over_udp(run, lab)
        half_open(run, lab)
        run.check(running.rest.ready(), "the gateway is not ready afterwards")
        netns.wait_until(lambda: running.rest.value("/api/v1/status")["data_plane"]["sessions"] == 0, 40, "end of all sessions")


if __name__ == "__main__":
    scenario.main(main)
