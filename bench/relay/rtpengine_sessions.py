#!/usr/bin/env python3
"""Opens calls in a running rtpengine over its ng protocol and prints their flows (flows.h), one a line. Run it in the
namespace of the daemon. usage: rtpengine_sessions.py NG_PORT CALLS LEFT_PEER RIGHT_PEER LEFT_GATEWAY [--recrypt]"""
import argparse
import base64
import os
import socket
import time

FIRST_PEER_PORT = 20000
# Offered the suite of the other side the daemon hands on that side's key and opens nothing.
NEAR_SUITE, FAR_SUITE = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"


def bencode(value):
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def bdecode(data, at=0):
    lead = data[at:at + 1]
    if lead == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if lead in (b"l", b"d"):
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = bdecode(data, at)
            items.append(item)
        return (items if lead == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    size = int(data[at:colon])
    return data[colon + 1:colon + 1 + size], colon + 1 + size


class Rtpengine:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(1)
        self.socket.connect(("127.0.0.1", port))

    def ask(self, command, tries=20):
        """The daemon answers a repeated cookie with the same answer, so asking again is safe while it starts."""
        request = os.urandom(4).hex().encode() + b" " + bencode(command)
        for _ in range(tries):
            try:
                self.socket.send(request)
                answer = bdecode(self.socket.recv(65536).split(b" ", 1)[1])[0]
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                time.sleep(0.2)
                continue
            if answer[b"result"] not in (b"ok", b"pong"):
                raise SystemExit(f"rtpengine refused {command['command']}: {answer}")
            return answer
        raise SystemExit("rtpengine does not answer on its control port")


def sdp(address, port, crypto):
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
             f"m=audio {port} RTP/{'SAVP' if crypto else 'AVP'} 0", "a=rtpmap:0 PCMU/8000", "a=sendrecv"]
    if crypto:
        lines.append(f"a=crypto:{crypto}")
    return "\r\n".join(lines) + "\r\n"


def audio_port(text):
    return int(next(line for line in text.decode().splitlines() if line.startswith("m=audio")).split()[1])


def draw_key():
    return base64.b64encode(os.urandom(30)).decode()


def offered(text, suite):
    """Tag and key of a suite in an offer."""
    words = next(line for line in text.decode().splitlines() if line.startswith("a=crypto:") and f" {suite} " in line).split()
    key = words[2].removeprefix("inline:").split("|")[0]
    return words[0].removeprefix("a=crypto:"), key + "=" * (-len(key) % 4)


def word(suite, key):
    """As flows.h reads it."""
    return f"{suite[-2:]}:{base64.b64decode(key).hex()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ng_port", type=int)
    parser.add_argument("calls", type=int)
    parser.add_argument("left_peer")
    parser.add_argument("right_peer")
    parser.add_argument("left_gateway")
    parser.add_argument("--recrypt", action="store_true", help="SDES on both legs, each with a suite of its own")
    arguments = parser.parse_args()
    relay = Rtpengine(arguments.ng_port)
    relay.ask({"command": "ping"})
    for call in range(arguments.calls):
        port = FIRST_PEER_PORT + 2 * call
        common = {"call-id": f"bench-{call}", "from-tag": "a", "ICE": "remove",
                  "replace": ["origin", "session-connection"]}
        near_key, near, far, keys = draw_key(), None, None, ""
        if arguments.recrypt:
            near = f"1 {NEAR_SUITE} inline:{near_key}"
        offer = relay.ask({"command": "offer", "sdp": sdp(arguments.left_peer, port, near), "direction": ["left", "right"], **common})
        if arguments.recrypt:
            tag, far_key = offered(offer[b"sdp"], FAR_SUITE)
            far = f"{tag} {FAR_SUITE} inline:{draw_key()}"
            keys = f" {word(NEAR_SUITE, near_key)} {word(FAR_SUITE, far_key)}"
        answer = relay.ask({"command": "answer", "sdp": sdp(arguments.right_peer, port, far), "to-tag": "b", **common})
        print(f"{arguments.left_peer}:{port} {arguments.right_peer}:{port} "
              f"{arguments.left_gateway}:{audio_port(answer[b'sdp'])}{keys}")


if __name__ == "__main__":
    main()
