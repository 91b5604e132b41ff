"""X-H264UC out of a film: access units, PACSI, prefix units, fragments ([MS-H264PF], RFC 6184)."""
import re
import struct
import subprocess

_LAYOUT = bytes.fromhex("139FB1A9446A4DEC8CBF65B1E12D2CFD")
_BITSTREAM = bytes.fromhex("05FBC6B95A8040E5A22AAB4020267E26")
_FRAGMENT = 1100


def access_units(film):
    """[[NAL unit, ...], ...] of a film in baseline H.264, copied as it is."""
    data = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(film), "-c", "copy", "-an", "-bsf:v",
                           "h264_mp4toannexb", "-f", "h264", "-"], check=True, capture_output=True).stdout
    units, current = [], []
    for nal in (part.rstrip(b"\0") for part in re.split(b"\0\0\1", data)):
        if not nal:
            continue
        kind = nal[0] & 0x1F
        begins = kind in (7, 9) or (kind in (1, 5) and nal[1] & 0x80)
        if begins and any(one[0] & 0x1F in (1, 5) for one in current):
            units.append(current)
            current = []
        current.append(nal)
    return units + [current]


def is_key(unit):
    return any(nal[0] & 0x1F == 5 for nal in unit)


def _svc(key, layer):
    """The three bytes of the SVC header extension (RFC 6190 1.1.3): temporal layer, key picture."""
    return bytes([0xC0 if key else 0x80, 0x80, layer << 5 | 0x07])


def pacsi(unit, donc, reference, layer=0, width=640, height=360, count=None):
    """As a client writes it; count: how many units it claims to describe."""
    key = is_key(unit)
    out = bytes([0x7E]) + _svc(key, layer) + b"\x20" + struct.pack(">H", donc & 0xFFFF)
    if key:
        layout = b"\x06\x05\x2a" + _LAYOUT + bytes([1, 0, 0, 0, 0, 0, 0, 0, 1, 16]) + struct.pack(
            ">HHHHIBBH", width, height, width, height, 1_000_000, 15 << 3 & 0xFF, 2, 0)
        out += struct.pack(">H", len(layout)) + layout
    stream = b"\x06\x05\x12" + _BITSTREAM + bytes([reference & 0xFF, len(unit) if count is None else count])
    return out + struct.pack(">H", len(stream)) + stream


def prefix(key, layer):
    return bytes([0x6E]) + _svc(key, layer)


def payloads(unit, donc, reference, layer=0, with_prefix=False, lying=False):
    """RTP payloads of one access unit. lying: a PACSI whose counts and sizes are wrong."""
    out = [pacsi(unit, donc, reference, layer, *((1, 1, 255) if lying else ()))]
    for nal in unit:
        kind = nal[0] & 0x1F
        if with_prefix and kind in (1, 5):
            out.append(prefix(kind == 5, layer))
        if len(nal) <= _FRAGMENT:
            out.append(nal)
            continue
        rest = nal[1:]
        for at in range(0, len(rest), _FRAGMENT):
            part = rest[at:at + _FRAGMENT]
            mark = (0x80 if at == 0 else 0) | (0x40 if at + len(part) == len(rest) else 0)
            out.append(bytes([nal[0] & 0xE0 | 28, mark | kind]) + part)
    return out
