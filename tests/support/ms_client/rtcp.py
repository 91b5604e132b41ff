"""RTCP as Microsoft clients write it: reports, picture requests ([MS-RTP] 2.2.12, RFC 4585)."""
import struct

ANY_SOURCE, NO_SOURCE = 0xFFFFFFFE, 0xFFFFFFFF


def sender_report(ssrc, packets, octets, ticks, ntp):
    return struct.pack(">BBHIQIII", 0x80, 200, 6, ssrc, ntp, ticks & 0xFFFFFFFF, packets, octets)


def picture_loss(ssrc, media):
    return struct.pack(">BBHII", 0x81, 206, 2, ssrc, media)


def extended_picture_loss(ssrc, media, request=1):
    return struct.pack(">BBHII", 0x81, 206, 5, ssrc, media) + struct.pack(">HH8B", request, 0, 1, 0, 0, 0, 0, 0, 0, 0)


def full_intra_request(ssrc, media, sequence=1):
    return struct.pack(">BBHII", 0x84, 206, 4, ssrc, 0) + struct.pack(">IBBH", media, sequence, 0, 0)


def video_source_request(ssrc, payload_type, request=1, key=False, source=ANY_SOURCE, width=640, height=360, entries=1, mode=1):
    """entries: how many it holds; each the same."""
    entry = bytes([payload_type, mode, 0, 2]) + struct.pack(">HHIII", width, height, 100_000, 0, 120_000)
    entry += struct.pack(">10H", *([0] * 9 + [1])) + struct.pack(">IHH", 0x14, 0, 1) + struct.pack(">8H", 1, *([0] * 7))
    entry += struct.pack(">I", width * height)
    body = struct.pack(">HHIHHBBBBI", 1, 20 + entries * len(entry), source, request, 0, 0, 0x80 if key else 0, entries, 68, 0)
    body += entries * entry
    return struct.pack(">BBHII", 0x8F, 206, (12 + len(body)) // 4 - 1, ssrc, source) + body


def packets(compound):
    """[(packet type, count or format, bytes), ...]."""
    found = []
    while len(compound) >= 4:
        size = 4 * (int.from_bytes(compound[2:4], "big") + 1)
        found.append((compound[1], compound[0] & 0x1F, compound[:size]))
        compound = compound[size:]
    return found
