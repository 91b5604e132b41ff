"""Judges one call between the endpoints left and right from what both recorded and from captures at both: one row for each
kind and direction, and a list of complaints that is empty when all is right."""
import dataclasses

from . import capture, demo_media, h264_stream, judge_flow, judge_picture, judge_slices, judge_sound, srtp_oracle

_CLOCKS_HZ = {0: 8000, 8: 8000, None: 90000}
_CODECS = {0: "PCMU", 8: "PCMA", None: "H264"}
_SPURT_S = 0.5  # a stream shorter than this is a left-over, such as the ringing's


@dataclasses.dataclass
class Party:
    """What is known of one endpoint after the call."""
    name: str                # left, right
    address: str
    faces: str               # the address its media must go to
    pictures: list           # paths in the order taken
    recording: object        # path of the WAV, or None
    packets: list            # capture.Packet, everything captured at it
    keys: dict = dataclasses.field(default_factory=dict)  # {"audio": a=crypto of who sends to it}; empty: its leg is clear
    ports: tuple = capture.POOL_PORTS  # those of the address it faces
    own_keys: dict = dataclasses.field(default_factory=dict)  # as keys, of what it sends itself: wanted where video is remade
    is_microsoft: bool = False  # one leg of each kind: the gateway packs video anew, and media begins with ICE

    def encryption(self, kind):
        return self.keys[kind].split()[1] if self.keys else "none"


def keys_from(path, from_address):
    """{"audio": ..., "video": ...} out of the last SDP with keys that an address sent in a capture. Of an offer with several
    keys a line it is the one whose tag the other side answered with (RFC 4568 5.1.2)."""
    found = [sections for sections in map(_by_section, capture.crypto_attributes(path, from_address)) if len(sections) == 2]
    if not found:
        raise ValueError(f"no SDP with a=crypto in two sections came from {from_address} in {path}")
    sections = found[-1]
    if any(len(section) > 1 for section in sections):
        answers = [one for one in map(_by_section, capture.crypto_attributes(path, from_address, others=True)) if len(one) == 2]
        if not answers:
            raise ValueError(f"nobody answered the keys of {from_address} in {path}")
        tags = [section[0].split()[0] for section in answers[-1]]
        sections = [[key for key in section if key.split()[0] == tag] for section, tag in zip(sections, tags)]
    return dict(zip(("audio", "video"), (section[0] for section in sections)))


def _by_section(attributes):
    """The tags of a section rise; where one does not, the next section begins."""
    sections, last = [], None
    for attribute in attributes:
        tag = int(attribute.split()[0])
        if last is None or tag <= last:
            sections.append([])
        sections[-1].append(attribute)
        last = tag
    return sections


def judge(parties, seconds, folder, answered_s):
    """parties: (left, right). seconds: how long the call was up. folder: of the demo media. answered_s: when the answer
    reached the caller (capture.answered_at). Returns (rows, complaints)."""
    rows, complaints = [], []
    for party in parties:
        strays = judge_flow.off_path(party.packets, party.address, party.faces, party.ports)
        if strays:
            complaints.append(f"{len(strays)} packets at {party.name} took another path, the first {strays[0].source} to "
                              f"{strays[0].target}:{strays[0].target_port}")
    for sender, receiver in (parties, parties[::-1]):
        for kind in ("audio", "video"):
            row, wrong = _judge_stream(kind, sender, receiver, seconds, folder, answered_s)
            rows.append(row)
            complaints += [f"{kind} {row['direction']}: {sentence}" for sentence in wrong]
    return rows, complaints


def _main_stream(packets, from_address, kind):
    """The longest stream of a kind that comes from an address."""
    audio = kind == "audio"
    found = [stream for stream in judge_flow.streams(packets, _CLOCKS_HZ)
             if stream.source[0] == from_address and (stream.payload_type in (0, 8)) == audio]
    return max(found, key=lambda stream: stream.packets, default=None)


def _packets_of(packets, stream):
    return [packet for packet in packets if packet.ssrc == stream.ssrc and packet.source == stream.source[0]]


def _judge_stream(kind, sender, receiver, seconds, folder, answered_s):
    direction = f"{sender.name}->{receiver.name}"
    row = {"kind": kind, "direction": direction, "packets": 0, "bytes": 0, "lost": 0, "jitter_ms": 0.0, "codec": "",
           "encryption": f"{sender.encryption(kind)} -> {receiver.encryption(kind)}"}
    sent = _main_stream(sender.packets, sender.address, kind)
    came = _main_stream(receiver.packets, receiver.faces, kind)
    if sent is None or came is None:
        return row, ["nothing was sent" if sent is None else "nothing arrived"]
    complaints = []
    row.update(packets=came.packets, bytes=came.bytes, jitter_ms=round(came.jitter_ms, 2),
               codec=_CODECS.get(came.payload_type, _CODECS[None]))
    # What arrives before a Microsoft peer's ICE has ended can go nowhere; what was answered before counts for the rest.
    with_ice = sender.is_microsoft or receiver.is_microsoft
    between, at_start = 0, 0
    if kind == "audio" or not with_ice:
        passage = judge_flow.passage(_packets_of(sender.packets, sent), _packets_of(receiver.packets, came), answered_s)
        between, at_start = passage.lost, 0 if with_ice else passage.lost_at_start
    lost = row["lost"] = between + came.lost + at_start
    if lost:
        complaints.append(f"{lost} packets lost ({at_start} at the start, {between} between, {came.lost} by sequence number)")
    if came.repeated:
        complaints.append(f"{came.repeated} packets arrived twice")
    if came.last_s - came.first_s < seconds - 1.0:
        complaints.append(f"flowed for {came.last_s - came.first_s:.1f} s of {seconds:.1f}")
    try:
        clear = _opened(_packets_of(receiver.packets, came), receiver.keys.get(kind))
        if kind == "audio":
            return row, complaints + _judge_sound(row, sender, receiver, came, seconds)
        if with_ice:
            complaints += _judge_slices(row, _opened(_packets_of(sender.packets, sent), sender.own_keys.get(kind)), clear, receiver)
    except ValueError as error:
        return row, [*complaints, str(error)]
    return row, complaints + _judge_video(row, sender, receiver, clear, seconds, folder)


def _opened(packets, key):
    """Datagrams in clear; key: the a=crypto of who sends them, or None."""
    if key is None:
        return [packet.datagram for packet in packets]
    opener = srtp_oracle.Opener(key)
    return [opener.open(packet.datagram) for packet in packets]


def _judge_slices(row, sent, came, receiver):
    passage = judge_slices.passage(map(h264_stream.rtp_payload, sent), map(h264_stream.rtp_payload, came))
    complaints = []
    if passage.lost:
        row["lost"] += passage.lost
        complaints.append(f"{passage.lost} of {passage.sent} slices never came out")
    if passage.foreign:
        complaints.append(f"{passage.foreign} slices came that nobody sent, or not bit-exact")
    if passage.pacsi and not receiver.is_microsoft:
        complaints.append(f"{passage.pacsi} PACSI units reached a standards peer")
    return complaints


def _judge_sound(row, sender, receiver, came, seconds):
    complaints = []
    if came.longest_gap_ms > judge_flow.MAX_GAP_MS:
        complaints.append(f"no packet for {came.longest_gap_ms:.0f} ms")
    if receiver.recording is None:
        return complaints + ["no recording"]
    sound, wrong = judge_sound.judge(receiver.recording, demo_media.TONES_HZ[sender.name], max(1.0, seconds - 1.0))
    row["tone_hz"] = round(sound.tone_hz, 1)
    row["longest_gap_ms"] = max(sound.longest_gap_ms, round(came.longest_gap_ms))
    return complaints + wrong


def _judge_video(row, sender, receiver, clear, seconds, folder):
    matches, complaints = judge_picture.judge(receiver.pictures, demo_media.film(folder, sender.name), within_s=seconds + 5)
    row["ssim"] = round(min((match.ssim for match in matches), default=0.0), 4)
    row["snapshots"] = len(matches)
    kept = receiver.pictures[0].parent.parent / "received.h264"
    pictures, errors = h264_stream.decode([h264_stream.rtp_payload(datagram) for datagram in clear], kept)
    row["decoded_pictures"], row["decode_errors"] = pictures, errors
    # What was sent before the first key frame can't be decoded; the last second may be cut off.
    if pictures < (seconds - 2) * demo_media.FRAMES_PER_S * 0.9:
        complaints.append(f"only {pictures} pictures could be decoded")
    if errors:
        complaints.append(f"the decoder complained {errors} times")
    return complaints


_STUN_COOKIE = bytes.fromhex("2112a442")  # RFC 8489 5
_STUN_REQUEST, _STUN_SUCCESS = b"\0\1", b"\1\1"
_USE_CANDIDATE = b"\0\x25\0\0"  # RFC 8445 16.1


def ice_ended_s(party):
    """When the last stream of an endpoint with ICE had its nomination answered; seconds of the capture's clock."""
    nominations, ended = {}, {}
    for packet in party.packets:
        stun = packet.datagram
        if stun[4:8] != _STUN_COOKIE:
            continue
        transaction = stun[8:20]
        if stun[:2] == _STUN_REQUEST and _USE_CANDIDATE in stun[20:]:
            nominations[transaction] = packet
        elif stun[:2] == _STUN_SUCCESS and transaction in nominations:
            request = nominations[transaction]
            ended.setdefault(frozenset([request.source_port, request.target_port]), packet.time_s)
    if len(ended) < 2:
        raise ValueError(f"{len(ended)} pairs were nominated at {party.name}: not both streams")
    return max(ended.values())


def first_picture_s(party):
    """When an endpoint had all of the first picture that can be decoded: parameter sets and a whole key picture behind them."""
    stream = _main_stream(party.packets, party.faces, "video")
    packets = _packets_of(party.packets, stream) if stream else []
    clear = [h264_stream.rtp_payload(datagram) for datagram in _opened(packets, party.keys.get("video"))]
    for end, packet in enumerate(packets, 1):
        if packet.datagram[1] & 0x80 and _has_key_picture(clear[:end]):
            return packet.time_s
    raise ValueError(f"no picture that can be decoded came to {party.name}")


def _has_key_picture(payloads):
    kinds = [unit[0] & 0x1F for unit in h264_stream.nal_units(payloads) if unit]
    return 7 in kinds and 8 in kinds[kinds.index(7):] and 5 in kinds[kinds.index(7):]
