"""Judges captured RTP: which way it went, what was lost, how even it was. Works on capture.Packet values."""
import collections
import dataclasses
import statistics

MAX_GAP_MS = 200
_SEQUENCE_BITS = 16


@dataclasses.dataclass
class Stream:
    """One SSRC in one direction, as seen at one place."""
    source: tuple        # (address, port)
    target: tuple
    ssrc: int
    payload_type: int
    packets: int
    bytes: int           # UDP payload
    lost: int            # sequence numbers that never came
    repeated: int
    jitter_ms: float     # RFC 3550 6.4.1, at the end
    longest_gap_ms: float
    first_s: float
    last_s: float


def streams(packets, clock_hz_of):
    """Groups RTP packets. clock_hz_of maps a payload type to its clock rate (a default for the rest under None)."""
    groups = collections.defaultdict(list)
    for packet in packets:
        if packet.ssrc is not None:
            groups[(packet.source, packet.source_port), (packet.target, packet.target_port), packet.ssrc].append(packet)
    return [_stream(*key, group, clock_hz_of) for key, group in groups.items()]


def _stream(source, target, ssrc, packets, clock_hz_of):
    payload_type = statistics.mode(packet.payload_type for packet in packets)
    clock_hz = clock_hz_of.get(payload_type, clock_hz_of[None])
    sequences, jitter_ticks, gap_s = _unrolled(packet.sequence for packet in packets), 0.0, 0.0
    for before, packet in zip(packets, packets[1:]):
        gap_s = max(gap_s, packet.time_s - before.time_s)
        ticks = (packet.rtp_ticks - before.rtp_ticks + 2**31) % 2**32 - 2**31
        transit = (packet.time_s - before.time_s) * clock_hz - ticks
        jitter_ticks += (abs(transit) - jitter_ticks) / 16
    distinct = len(set(sequences))
    return Stream(source, target, ssrc, payload_type, len(packets), sum(packet.udp_bytes for packet in packets),
                  max(sequences) - min(sequences) + 1 - distinct, len(packets) - distinct,
                  jitter_ticks * 1000 / clock_hz, gap_s * 1000, packets[0].time_s, packets[-1].time_s)


def _unrolled(sequences):
    """16-bit sequence numbers made continuous (RFC 3550 A.1); late ones count back."""
    result, last = [], None
    for sequence in sequences:
        if last is None:
            last = sequence
        else:
            half = 1 << (_SEQUENCE_BITS - 1)
            last += (sequence - last + half) % (1 << _SEQUENCE_BITS) - half
        result.append(last)
    return result


def off_path(packets, endpoint, gateway, pool):
    """The packets of a capture at an endpoint that are neither between it and a media port of the gateway, nor SIP with the
    gateway, nor neighbours' chatter on link-local or multicast addresses. pool: (first, last) media port. None is right."""
    wrong = []
    for packet in packets:
        if packet.source.startswith("fe80") or packet.target.startswith(("ff", "224.", "239.")):
            continue
        if {packet.source, packet.target} != {endpoint, gateway}:
            wrong.append(packet)
            continue
        port = packet.target_port if packet.target == gateway else packet.source_port
        if not (pool[0] <= port <= pool[1] or (packet.ssrc is None and port == 5060)):
            wrong.append(packet)
    return wrong


@dataclasses.dataclass(frozen=True)
class Passage:
    """How a stream came through the gateway, from captures on both sides of it."""
    sent: int
    lost: int           # between the first and the last packet that came through
    lost_at_start: int  # sent before the first one that came through, but after the call was answered
    lost_at_end: int    # sent after the last one that came through: normal within a hang-up


def passage(sent, received, answered_s=0.0):
    """Compares the RTP packets of one stream before and behind the gateway (lists of Packet, each in order of time).

    The gateway gives packets an SSRC and sequence numbers of its own, but keeps their distances. Of the shifts that let most
    packets find a partner the one is taken under which partners are closest in time: both captures share one clock.
    answered_s: when the answer reached the caller. Who answers may send before the gateway has read whose address that is;
    such packets come from nobody known, and are refused by the source rule."""
    arrived_at = dict(zip(_unrolled(packet.sequence for packet in received), (packet.time_s for packet in received)))
    numbers_sent = _unrolled(packet.sequence for packet in sent)
    def counted(packets):
        return sum(packet.time_s >= answered_s for packet in packets)

    if not arrived_at:
        return Passage(len(sent), 0, counted(sent), 0)
    candidates = {number - other for number in list(arrived_at)[:1] for packet, other in zip(sent, numbers_sent)
                  if abs(packet.time_s - received[0].time_s) <= 1.0}
    best = (0, 0.0, None)
    for shift in candidates:
        delays = [abs(arrived_at[number + shift] - packet.time_s) for packet, number in zip(sent, numbers_sent)
                  if number + shift in arrived_at]
        best = max(best, (len(delays) // 10, -statistics.fmean(delays) if delays else 0.0, shift), key=lambda found: found[:2])
    if best[2] is None:
        return Passage(len(sent), 0, counted(sent), 0)
    came = [number + best[2] in arrived_at for number in numbers_sent]
    first, last = came.index(True), len(came) - 1 - came[::-1].index(True)
    return Passage(len(sent), came[first:last].count(False), counted(sent[:first]), len(came) - 1 - last)
