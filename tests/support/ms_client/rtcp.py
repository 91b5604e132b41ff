"""RTCP as Microsoft clients write it: reports, picture requests ([MS-RTP] 2.2.12, RFC 4585)."""
import dataclasses
import struct

ANY_SOURCE, NO_SOURCE = 0xFFFFFFFE, 0xFFFFFFFF


def sender_report(ssrc, packets, octets, ticks, ntp):
    return struct.pack(">BBHIQIII", 0x80, 200, 6, ssrc, ntp, ticks & 0xFFFFFFFF, packets, octets)


def description(ssrc, name):
    """SDES with CNAME alone."""
    text = name.encode()
    item = struct.pack(">IBB", ssrc, 1, len(text)) + text + b"\0"
    item += bytes(-len(item) % 4)
    return struct.pack(">BBH", 0x81, 202, len(item) // 4) + item


def estimate(ssrc, bits_per_second, peer, outbound):
    """Profile-specific extensions of type 1 and 12 ([MS-RTP] 2.2.11), behind the blocks of a report."""
    return struct.pack(">HHII", 1, 12, ssrc, bits_per_second) + struct.pack(">HHIIII", 12, 20, peer, outbound, outbound, 0)


def with_extension(report, extension):
    return report[:2] + struct.pack(">H", (len(report) + len(extension)) // 4 - 1) + report[4:] + extension


def picture_loss(ssrc, media):
    return struct.pack(">BBHII", 0x81, 206, 2, ssrc, media)


def extended_picture_loss(ssrc, media, request=1):
    return struct.pack(">BBHII", 0x81, 206, 5, ssrc, media) + struct.pack(">HH8B", request, 0, 1, 0, 0, 0, 0, 0, 0, 0)


def full_intra_request(ssrc, media, sequence=1):
    return struct.pack(">BBHII", 0x84, 206, 4, ssrc, 0) + struct.pack(">IBBH", media, sequence, 0, 0)


def entry(payload_type, mode=1, flags=0, aspect=2, width=640, height=360, least=100_000, step=120_000, limit=9, rates=0x14, must=0,
          may=1, pixels=None):
    """One of a video source request. limit: the bin of the histogram that the receiver is in."""
    histogram = [0] * 10
    histogram[limit] = 1
    out = struct.pack(">BBBBHHIII", payload_type, mode, flags, aspect, width, height, least, 0, step)
    out += struct.pack(">10H", *histogram) + struct.pack(">IHH", rates, must, may) + struct.pack(">8H", 1, *([0] * 7))
    return out + struct.pack(">I", width * height if pixels is None else pixels)


def video_source_request(ssrc, entries=(), request=1, key=False, source=ANY_SOURCE, **wrong):
    """wrong: length, count, entry_bytes, version other than they should be."""
    data = b"".join(entries)
    values = {"length": 20 + len(data), "count": len(entries), "entry_bytes": 68, "version": 0} | wrong
    body = struct.pack(">HHIHHBBBBI", 1, values["length"], source, request, 0, values["version"], 0x80 if key else 0,
                       values["count"], values["entry_bytes"], 0) + data
    return struct.pack(">BBHII", 0x8F, 206, (12 + len(body)) // 4 - 1, ssrc, source) + body


@dataclasses.dataclass(frozen=True)
class SourceRequest:
    source: int
    request: int
    key: bool
    entries: tuple  # of (payload type, mode, flags, aspect, width, height, least, step, limit, rates, must, may, pixels)

    def highest_bit_rate(self):
        return max((one[6] + one[7] * (one[8] + 1) for one in self.entries), default=0)


def read_source_request(packet):
    """Of a feedback packet; ValueError where it is not what the fact sheet says, in any field."""
    if len(packet) < 32 or packet[1] != 206 or packet[0] & 0x1F != 15:
        raise ValueError("no video source request")
    kind, length, source, request, reserved, version, key, count, size, rest = struct.unpack_from(">HHIHHBBBBI", packet, 12)
    if (kind, reserved, version, size, rest, key & 0x7F) != (1, 0, 0, 68, 0, 0) or count > 20 or length != 20 + 68 * count \
            or len(packet) != 12 + length or int.from_bytes(packet[8:12], "big") != source:
        raise ValueError(f"video source request with wrong fields: {packet.hex()}")
    entries = []
    for at in range(32, len(packet), 68):
        head = struct.unpack_from(">BBBBHHIII", packet, at)
        histogram = struct.unpack_from(">10H", packet, at + 20)
        rates, must, may = struct.unpack_from(">IHH", packet, at + 40)
        if head[7] != 0 or not any(histogram):
            raise ValueError("entry with a reserved field or an empty histogram")
        bin_ = max(number for number, receivers in enumerate(histogram) if receivers)
        entries.append((*head[:7], head[8], bin_, rates, must, may, int.from_bytes(packet[at + 64:at + 68], "big")))
    return SourceRequest(source, request, bool(key & 0x80), tuple(entries))


def packets(compound):
    """[(packet type, count or format, bytes), ...]."""
    found = []
    while len(compound) >= 4:
        size = 4 * (int.from_bytes(compound[2:4], "big") + 1)
        found.append((compound[1], compound[0] & 0x1F, compound[:size]))
        compound = compound[size:]
    return found
