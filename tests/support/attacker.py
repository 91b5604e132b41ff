"""Sends what an attacker would, from inside one of the lab's networks and under any source address: floods, guesses, forged and
replayed packets. Rates and times are bounded. Every packet bears one TTL, so that captures can leave the attack out and judges
see the real streams, and whatever the gateway sends to an attacker, alone."""
import collections
import itertools
import random
import socket
import struct
import threading
import time

from . import netns

TTL = 33
NOT_THE_ATTACK = f"(udp or tcp port 5060) and (ip6 or ip[8] != {TTL})"
MAX_PACKETS_PER_S = 20_000
MAX_SECONDS = 10.0
_BURST_S = 0.002  # packets of so long go out at once, then a pause


def datagram(source, target, payload):
    """An IPv4 packet with UDP inside; both ends are (address, port). The kernel fills in length, identification and checksum."""
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, TTL, socket.IPPROTO_UDP, 0, socket.inet_aton(source[0]),
                       socket.inet_aton(target[0])) + udp


def first_fragment(packet):
    """As if more of the packet followed (RFC 791 3.1)."""
    return packet[:6] + struct.pack("!H", 0x2000) + packet[8:]


def rtp(payload_type=0, sequence=1, ticks=0, ssrc=1, payload=b"\xd5" * 160, first=0x80):
    return struct.pack("!BBHII", first, payload_type, sequence & 0xFFFF, ticks & 0xFFFFFFFF, ssrc) + payload


Heard = collections.namedtuple("Heard", "source target payload")  # both ends (address, port)


class Attacker:
    """with Attacker(lab, place, stranger): `stranger` is an address that the place gets for the attack's time."""

    def __init__(self, lab, place, stranger):
        self.namespace, self.stranger = lab.names[place], stranger
        self.sent = collections.Counter()  # by kind of attack

    def __enter__(self):
        netns.ip("address", "add", f"{self.stranger}/24", "dev", "eth0", namespace=self.namespace)
        self._raw = netns.raw_ip_socket(self.namespace)
        self._tap = netns.packet_socket(self.namespace, "eth0")
        return self

    def __exit__(self, *_):
        self._raw.close()
        self._tap.close()
        netns.ip("address", "del", f"{self.stranger}/24", "dev", "eth0", namespace=self.namespace, check=False)

    def listen(self, seconds, wanted):
        """UDP packets that pass here and for which wanted(Heard) is true, the attack's own left out."""
        heard, deadline = [], time.monotonic() + seconds
        self._tap.settimeout(0.05)
        while time.monotonic() < deadline:
            try:
                frame = self._tap.recv(2048)
            except TimeoutError:
                continue
            one = _heard(frame)
            if one and wanted(one):
                heard.append(one)
        return heard

    def send(self, kind, packets, packets_per_s, seconds):
        """Goes round `packets` (made by datagram()) at that rate for that long."""
        rate, seconds = min(packets_per_s, MAX_PACKETS_PER_S), min(seconds, MAX_SECONDS)
        turn, began = itertools.cycle(packets), time.monotonic()
        sent = 0
        while (elapsed := time.monotonic() - began) < seconds:
            for packet in itertools.islice(turn, max(0, int(rate * elapsed) - sent)):
                self._raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
                sent += 1
            time.sleep(_BURST_S)
        self.sent[kind] += sent

    def send_in_background(self, *arguments):
        thread = threading.Thread(target=self.send, args=arguments, daemon=True)
        thread.start()
        return thread


def _heard(frame):
    """Ethernet, IPv4 without options, UDP; nothing else is listened to."""
    if len(frame) < 42 or frame[12:15] != b"\x08\x00\x45" or frame[23] != socket.IPPROTO_UDP or frame[22] == TTL:
        return None
    source_port, target_port, length = struct.unpack("!HHH", frame[34:40])
    return Heard((socket.inet_ntoa(frame[26:30]), source_port), (socket.inet_ntoa(frame[30:34]), target_port),
                 frame[42:34 + length])


# ---- what is sent ----

def stun_request(username=b"abcd:efgh"):
    """A binding request without integrity (RFC 8489 5), as a stranger can make it."""
    padded = username + bytes(-len(username) % 4)
    attributes = struct.pack("!HH", 0x0006, len(username)) + padded + struct.pack("!HHI", 0x0024, 4, 0x6EFFFFFF)
    return struct.pack("!HHI12s", 0x0001, len(attributes), 0x2112A442, b"stranger-ask") + attributes


def dtls_client_hello():
    """The first bytes of a DTLS 1.2 handshake (RFC 6347 4.1); enough for a demultiplexer (RFC 7983)."""
    return b"\x16\xfe\xfd" + bytes(8) + b"\x00\x40\x01" + bytes(63)


def malformed(good):
    """RTP and RTCP that break one rule each, out of a good RTP packet."""
    head, rest = good[:12], good[12:]
    return [
        good[:11],                                          # shorter than a header
        bytes([head[0] & 0x3F]) + good[1:],                 # version 0
        bytes([0x8F]) + head[1:] + rest[:8],                # fifteen CSRCs past the end
        bytes([0x90]) + head[1:] + b"\xbe\xde\xff\xff",     # an extension past the end
        bytes([0xA0]) + head[1:] + rest[:40] + b"\xff",     # padding past the start
        b"",
    ]


def forged_rtcp(ssrc):
    """Compounds of RFC 3550 6 that somebody without the key can write: reports, BYE, a request for a picture."""
    name = ssrc.to_bytes(4, "big")
    report = b"\x80\xc9\x00\x01" + name
    return [
        b"\x80\xc8\xff\xff" + name + bytes(20),              # an SR longer than its packet
        b"\x80\xc8\x00\x06" + name + bytes(20),              # an SR
        report + b"\x81\xcb\x00\x01" + name,                 # BYE
        report + b"\x81\xce\x00\x02" + name + name,          # PLI (RFC 4585 6.3.1)
    ]


def tampered(packets, ahead=300, seed=1):
    """Each packet with one bit of it turned and with a sequence number that was not there yet."""
    chance = random.Random(seed)
    out = []
    for packet in packets:
        sequence = (int.from_bytes(packet[2:4], "big") + ahead) & 0xFFFF
        packet = packet[:2] + sequence.to_bytes(2, "big") + packet[4:]
        place = chance.randrange(12, len(packet))
        out.append(packet[:place] + bytes([packet[place] ^ 1 << chance.randrange(8)]) + packet[place + 1:])
    return out
