"""X-H264UC out of a film: access units, PACSI, prefix units, fragments ([MS-H264PF], RFC 6184, RFC 6190)."""
import dataclasses
import re
import struct
import subprocess

from . import skip_picture

_LAYOUT = bytes.fromhex("139FB1A9446A4DEC8CBF65B1E12D2CFD")
_BITSTREAM = bytes.fromhex("05FBC6B95A8040E5A22AAB4020267E26")
_FRAGMENT = 1100
RATES = {75: 0, 125: 1, 150: 2, 250: 3, 300: 4}  # index by tenths of a frame a second


@dataclasses.dataclass(frozen=True)
class Picture:
    """One access unit: its NAL units and temporal layer."""
    units: tuple
    layer: int = 0

    @property
    def is_key(self):
        return any(nal[0] & 0x1F == 5 for nal in self.units)

    @property
    def is_reference(self):
        return any(nal[0] & 0x60 for nal in self.units if nal[0] & 0x1F in (1, 5))


def pictures(film):
    """Of a film in baseline H.264, copied as it is: one layer."""
    data = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(film), "-c", "copy", "-an", "-bsf:v",
                           "h264_mp4toannexb", "-f", "h264", "-"], check=True, capture_output=True).stdout
    return split(data)


def split(data):
    found, current = [], []
    for nal in (part.rstrip(b"\0") for part in re.split(b"\0\0\1", data)):
        if not nal:
            continue
        kind = nal[0] & 0x1F
        begins = kind in (7, 9) or (kind in (1, 5) and nal[1] & 0x80)
        if begins and any(one[0] & 0x1F in (1, 5) for one in current):
            found.append(Picture(tuple(current)))
            current = []
        current.append(nal)
    return [*found, Picture(tuple(current))]


def with_layers(base):
    """Two temporal layers, as Lync makes them: behind each picture one that nothing refers to, which shows the same again."""
    out, writer = [], skip_picture.Writer()
    for picture in base:
        out.append(picture)
        for nal in picture.units:
            writer.learn(nal)
        out.append(Picture((writer.write(),), 1))
    return out


def _svc(key, layer, priority=0):
    """The three bytes of the SVC header extension (RFC 6190 1.1.3): key picture, PRID, temporal layer."""
    return bytes([(0xC0 if key else 0x80) | priority, 0x80, layer << 5 | 0x07])


def layout(width=640, height=360, bit_rate=1_000_000, rate=150, layers=1):
    """Stream layout SEI: one description a layer. Layer 1 doubles the rate."""
    descriptions = b"".join(
        struct.pack(">HHHHIBBH", (width + 15) // 16 * 16, (height + 15) // 16 * 16, width, height, bit_rate,
                    RATES[rate * (number + 1)] << 3 | (1 if number else 0), number << 2 | 2, 0) for number in range(layers))
    body = _LAYOUT + bytes([(1 << layers) - 1]) + bytes(7) + bytes([1, 16]) + descriptions
    return bytes([6, 5, len(body)]) + body


def bitstream(reference, count):
    return b"\x06\x05\x12" + _BITSTREAM + bytes([reference & 0xFF, count & 0xFF])


def pacsi(seis, donc, key=False, layer=0, flags=0x20):
    """flags: T alone, as most write it; the sizes before each SEI are right."""
    out = bytes([0x7E]) + _svc(key, layer, layer) + bytes([flags]) + struct.pack(">H", donc & 0xFFFF)
    return out + b"".join(struct.pack(">H", len(sei)) + sei for sei in seis)


def prefix(nal, layer):
    """Prefix NAL unit of a slice (RFC 6190 4.7.1): a reference slice says that no base picture is stored."""
    head = bytes([nal[0] & 0x60 | 14]) + _svc(nal[0] & 0x1F == 5, layer, layer)
    return head + (b"\x20" if nal[0] & 0x60 else b"")


def fragments(nal, size=_FRAGMENT):
    rest = nal[1:]
    parts = [rest[at:at + size] for at in range(0, len(rest), size)]
    return [bytes([nal[0] & 0xE0 | 28, (0x80 if number == 0 else 0) | (0x40 if number == len(parts) - 1 else 0) | nal[0] & 0x1F])
            + part for number, part in enumerate(parts)]


def aggregate(units):
    ref = max(nal[0] & 0x60 for nal in units)
    return bytes([ref | 24]) + b"".join(struct.pack(">H", len(nal)) + nal for nal in units)


class Packer:
    """RTP payloads, picture by picture. prefixes: before each slice. aggregates: PACSI and parameter sets in one STAP-A."""

    def __init__(self, layers=1, prefixes=False, aggregates=False):
        self.layers, self.prefixes, self.aggregates = layers, prefixes, aggregates
        self._donc, self._reference = 100, 0

    def pack(self, picture):
        units = []
        for nal in picture.units:
            if self.prefixes and nal[0] & 0x1F in (1, 5):
                units.append(prefix(nal, picture.layer))
            units.append(nal)
        if picture.is_reference:
            self._reference += 1
        seis = [layout(layers=self.layers)] if picture.is_key else []
        head = pacsi([*seis, bitstream(self._reference, len(units))], self._donc, picture.is_key, picture.layer)
        self._donc += len(units)
        return self._payloads([head, *units])

    def _payloads(self, units):
        out = []
        if self.aggregates:
            small = 0
            while small < len(units) and units[small][0] & 0x1F in (7, 8, 14, 30):
                small += 1
            if small > 1:
                out, units = [aggregate(units[:small])], units[small:]
        for nal in units:
            out += [nal] if len(nal) <= _FRAGMENT + 1 else fragments(nal)
        return out
