"""Judges video whose packets the gateway made anew: each coded slice that was sent must come out bit-exact, once, in order.

Packets cannot be compared then: units are packed otherwise, and some (PACSI, parameter sets, SEI) come and go."""
import dataclasses
import hashlib

from . import h264_stream

_SLICES = (1, 5)  # nal_unit_type: of another and of an IDR picture, H.264 table 7-1
_PACSI = 30       # RFC 6190 4.9


@dataclasses.dataclass(frozen=True)
class Passage:
    sent: int
    lost: int      # between the first and the last that came through
    foreign: int   # came, and was never sent
    pacsi: int     # units that only a Microsoft peer knows, as received
    at_start: int  # sent before the first one that came through


def _digests(payloads):
    units = h264_stream.nal_units(payloads)
    return [hashlib.sha1(unit).digest() for unit in units if unit and unit[0] & 0x1F in _SLICES]


def passage(sent, received):
    """Both: RTP payloads in clear, in order of sequence. The received ones may begin and end in the middle."""
    received = list(received)
    left, came = _digests(sent), _digests(received)[:-1]  # the last one may be cut off by the end of the call
    place = {digest: at for at, digest in enumerate(left)}
    known = [place[digest] for digest in came if digest in place]
    pacsi = sum(1 for unit in h264_stream.nal_units(received) if unit and unit[0] & 0x1F == _PACSI)
    if not known:
        return Passage(len(left), len(left), len(came), pacsi, 0)
    first, last = min(known), max(known)
    lost = len(set(left[first:last + 1]) - set(came))  # a still picture has slices that are alike
    return Passage(len(left), lost, len(came) - len(known), pacsi, first)
