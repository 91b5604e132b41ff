"""One judged call through a running gateway between a Microsoft client of our own (left, ms_client) and baresip (right)."""
import dataclasses
import subprocess
import time
import types
import wave

from . import (baresip, capture, demo_media, gateway, h264_stream, judge_call, judge_flow, judge_picture, judge_slices, judge_sound,
               netns)
from .ms_client import bodies, client, rtcp, sources

PICTURES = 4
MEDIA_S = 10     # from the answer to media from both sides
SDP = "application/sdp"


@dataclasses.dataclass(frozen=True)
class Manner:
    """How the client writes and sends. keys: all, mki; form: of its STUN messages; two_sources: each layer under an SSRC of its own."""
    caller: str = "left"
    release: str = "2013"
    keys: str = "all"
    form: str = "microsoft"
    layers: int = 1
    prefixes: bool = False
    aggregates: bool = False
    two_sources: bool = False
    multipart: bool = False
    transport: str = "udp"   # of media, see ms_client/paths.py

    @property
    def rate(self):
        return demo_media.FRAMES_PER_S * self.layers


class Caller:
    """The client's half of a call: dials or is called, sends and receives until end(). right: the baresip."""

    def __init__(self, own, right, media, manner, with_video=True, film=None, change_offer=None,
                 ringing=None):
        self.own, self.right, self.manner, self.media = own, right, manner, media
        self._film = film or demo_media.film(media, "left")
        self._change_offer = change_offer or (lambda text: text)
        self._ringing = ringing or (lambda sections: None)  # called with the sections of our offer, before the client answers
        kinds = ("audio", "video") if with_video else ("audio",)
        self.streams = own.streams(*kinds, form=manner.form, transport=manner.transport)
        self.audio, self.video = self.streams["audio"], self.streams.get("video")
        self.sources = []

    def start(self):
        if self.manner.caller == "left":
            self._dial()
        else:
            self._be_called()
        netns.wait_until(lambda: all(stream.connected for stream in self.streams.values()), 10, "ICE of all streams")
        self.connected_s = time.monotonic()
        if self.manner.caller == "left":
            self._conclude()
        self._send()

    def _offer(self, concluded=False):
        return self._change_offer(bodies.offer(self.manner.release, self.own.address, self.streams, self.manner.keys, concluded))

    def _dial(self):
        kind, body = SDP, self._offer()
        if self.manner.multipart:
            kind, body = bodies.multipart(bodies.stub(self.own.address), body)
        self.call = self.own.invite(kind, body)
        status = self.call.wait()
        if status != 200:
            raise RuntimeError(f"the gateway answered {status} to the client of {self.manner.release}: {self.call.head}")
        self._begin(self.call.sections(), True)

    def _be_called(self):
        self.right.dial(f"sip:left@{netns.RIGHT.gateway}:5060")
        self.call = self.own.incoming.get(timeout=20)
        sections = self.call.sections()
        self._ringing(sections)
        self.call.accept(bodies.answer(self.call.offer, self.own.address, self.streams))
        self._begin(sections, False)

    def _begin(self, sections, controlling):
        """A stream that the other side refused has no part in the call."""
        for kind, stream in list(self.streams.items()):
            section = next((one for one in sections if one.kind == kind and one.port), None)
            if section is None:
                self.streams.pop(kind).stop()
                continue
            stream.section = section
            stream.start(section, controlling)
        self.video = self.streams.get("video")

    def _conclude(self):
        self.call.conclude(self._offer(concluded=True))
        status = self.call.wait()
        if status != 200:
            raise RuntimeError(f"the gateway answered {status} to the offer after ICE")

    def _send(self):
        self.tone = sources.Audio(self.audio, sources.tone(demo_media.tone(self.media, "left")))
        self.sources = [self.tone, sources.Reports(self.audio)]
        if self.video:
            number = self.video.section.formats[0]
            packer = sources.h264uc.Packer(self.manner.layers, self.manner.prefixes, self.manner.aggregates)
            self.film = sources.Video(self.video, sources.film(self._film, self.manner.layers), packer,
                                      self.manner.rate, number)
            if self.manner.two_sources:
                self.film.ssrc_of = {1: self.video.ssrc + 1}
            self.reports = sources.Reports(self.video, number)
            self.sources += [self.film, self.reports]
        for source in self.sources:
            source.start()

    def wait_for_media(self):
        netns.wait_until(lambda: all(stream.first_s for stream in self.streams.values()), MEDIA_S, "media of the far side")
        if self.video:
            netns.wait_until(lambda: self.film.key_times, MEDIA_S, "a request for the client's source")

    def stop_sending(self):
        for source in self.sources:
            source.stop()
        self.sources = []

    def end(self):
        self.call.bye()
        netns.wait_until(lambda: not self.right.in_call(), 5, "end of the call at the right side")

    def stop(self):
        for stream in self.streams.values():
            stream.stop()


class Call:
    """with Call(...) as call: a capture and a baresip at the right, the client at the left, up and with media both ways."""

    def __init__(self, lab, folder, media, certificates, manner, own=None, with_video=True, ringing=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.lab, self.folder, self.media, self.manner = lab, folder, media, manner
        self._certificates, self._own, self._with_video, self._ringing = certificates, own, with_video, ringing
        self.pictures = []      # of run(); none: bit-exactness alone is judged
        self.ports = None       # {"audio": ...}: the gateway's towards the right, where there are other calls

    def __enter__(self):
        self.capture = capture.Capture(self.lab, "right", "eth0", self.folder / "right.pcap")
        self.right = baresip.Baresip(self.lab, "right", self.folder / "right", self.media, netns.RIGHT.peer, "udp", "none")
        self.own = self._own or connected(self.lab, self._certificates)
        self.right.start()
        self.left = Caller(self.own, self.right, self.media, self.manner, self._with_video, ringing=self._ringing)
        try:
            self.left.start()
            self.left.wait_for_media()
        except BaseException:
            self._stop()
            raise
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        self._stop()

    def _stop(self):
        try:
            self.left.stop_sending()
        finally:
            self.left.stop()
            self.right.stop()
            time.sleep(0.5)  # dumpcap holds what is younger
            self.capture.stop()
            if self._own is None:
                self.own.close()

    def run(self, seconds):
        """Pictures are taken on the way."""
        for number in range(PICTURES):
            due = self.began + (number + 1) * seconds / (PICTURES + 1)
            time.sleep(max(0.0, due - time.monotonic()))
            self.pictures.append(self.right.picture())
        time.sleep(max(0.0, self.began + seconds - time.monotonic()))

    def finish(self):
        """The client stops, then hangs up, so that nothing is cut off. Returns the seconds of media."""
        seconds = time.monotonic() - self.began
        self.left.stop_sending()
        time.sleep(0.3)
        self.left.end()
        return seconds


def connected(lab, certificates):
    own = client.Client(lab, netns.LEFT.peer, certificates["left"], (netns.LEFT.gateway, gateway.TLS_PORTS["left"]))
    own.listen()
    own.connect()
    return own


# ------------------------------------------------------------------------------------------------------------- judging

def judge(call, seconds, at_right=None):
    """After the `with` of a call that finish()ed. at_right: the capture, where it was read already. Returns (rows, complaints)."""
    at_right = at_right or capture.read(call.capture.path)
    ours = [packet for packet in at_right if packet.source == netns.RIGHT.gateway]
    theirs = [packet for packet in at_right if packet.source == netns.RIGHT.peer]
    rows, complaints = [], list(call.left.audio.wrong) + (list(call.left.video.wrong) if call.left.video else [])
    for stream in call.left.streams.values():
        complaints += [f"{stream.kind}: {stream.counts[what]} packets {what}" for what in ("not authentic", "rtcp not authentic",
                                                                                         "not sent") if stream.counts[what]]
        for judge_one in (_to_the_right, _to_the_left):
            row, wrong = judge_one(call, stream, *(_with_port(packets, call.ports, stream.kind) for packets in (ours, theirs)), seconds)
            rows.append(row)
            complaints += [f"{row['kind']} {row['direction']}: {sentence}" for sentence in wrong]
    return rows, complaints


def _with_port(packets, ports, kind):
    return [packet for packet in packets if ports is None or ports[kind] in (packet.source_port, packet.target_port)]


def ports_of(rest, call_id):
    """The gateway's media ports towards the right of a call, by kind."""
    streams = next(one for one in rest.value("/api/v1/calls")["items"] if call_id in [leg["call_id"] for leg in one["legs"]])["streams"]
    right = {stream["kind"]: leg["local_address"] for stream in streams for leg in stream["legs"]
             if leg["local_address"].startswith(netns.RIGHT.gateway)}
    return {kind: int(address.rsplit(":", 1)[1]) for kind, address in right.items()}


def _stream_of(packets, kind):
    source = types.SimpleNamespace(address=packets[0].source if packets else "")
    found = judge_call._main_stream(packets, source.address, kind)
    return found, [packet for packet in packets if found and packet.ssrc == found.ssrc]


def _to_the_right(call, stream, ours, _, seconds):
    row = {"kind": stream.kind, "direction": "left->right", "sent": len(stream.sent), "lost": 0}
    came, packets = _stream_of(ours, stream.kind)
    if came is None:
        return row, ["nothing arrived"]
    complaints = []
    row.update(packets=came.packets, lost=came.lost, jitter_ms=round(came.jitter_ms, 2))
    if came.lost or came.repeated:
        complaints.append(f"{came.lost} packets lost, {came.repeated} twice")
    if came.last_s - came.first_s < seconds - 1.0:
        complaints.append(f"flowed for {came.last_s - came.first_s:.1f} s of {seconds:.1f}")
    payloads = [h264_stream.rtp_payload(packet.datagram) for packet in packets]
    if stream.kind == "audio":
        return row, complaints + _judge_tone(row, sorted(call.right.sounds.glob("dump-*-dec.wav"))[0], "left", seconds, stream, packets)
    complaints += _judge_slices(row, [payload for _, payload in stream.sent], payloads, True)
    complaints += _judge_decoded(row, payloads, call.folder / "right.h264", seconds * call.manner.rate)
    return row, complaints + (_judge_pictures(row, call.pictures, call.media, "left", seconds) if call.pictures else [])


def _judge_tone(row, recording, side, seconds, stream=None, packets=None):
    sound, complaints = judge_sound.judge(recording, demo_media.TONES_HZ[side], max(1.0, seconds - 1.0))
    row["tone_hz"], row["longest_gap_ms"] = round(sound.tone_hz, 1), sound.longest_gap_ms
    if packets is not None and len(packets) != len(stream.sent):
        row["lost"] += len(stream.sent) - len(packets)
        complaints.append(f"{len(packets)} of {len(stream.sent)} packets came out")
    return complaints


def _judge_slices(row, sent, came, at_standards_peer):
    passage = judge_slices.passage(sent, came)
    row["slices"], row["lost"] = passage.sent, row["lost"] + passage.lost
    complaints = [f"{passage.lost} of {passage.sent} slices never came out"] if passage.lost else []
    if passage.foreign:
        complaints.append(f"{passage.foreign} slices came that nobody sent, or not bit-exact")
    if (passage.pacsi > 0) == at_standards_peer:
        complaints.append(f"{passage.pacsi} PACSI units came")
    return complaints


def _judge_decoded(row, payloads, path, expected):
    row["decoded_pictures"], row["decode_errors"] = h264_stream.decode(payloads, path)
    complaints = [f"the decoder complained {row['decode_errors']} times"] if row["decode_errors"] else []
    if row["decoded_pictures"] < expected * 0.9 - 2 * demo_media.FRAMES_PER_S:
        complaints.append(f"only {row['decoded_pictures']} pictures could be decoded, not {expected:.0f}")
    return complaints


def _judge_pictures(row, pictures, media, side, seconds):
    matches, complaints = judge_picture.judge(pictures, demo_media.film(media, side), within_s=seconds + 5)
    row["ssim"] = round(min((match.ssim for match in matches), default=0.0), 4)
    return complaints


def _to_the_left(call, stream, _, theirs, seconds):
    row = {"kind": stream.kind, "direction": "right->left", "packets": len(stream.received), "lost": 0}
    lost, repeated = stream.lost()
    row["lost"] = lost
    complaints = [f"{lost} packets lost, {repeated} twice"] if lost or repeated else []
    if not stream.received:
        return row, ["nothing arrived"]
    if {packet.ssrc for packet in stream.received} != {stream.received[0].ssrc}:
        complaints.append("more than one SSRC")
    if stream.kind == "audio":
        recording = call.folder / "left.wav"
        _write_wav(recording, stream)
        return row, complaints + _judge_tone(row, recording, "right", seconds)
    _, packets = _stream_of(theirs, "video")
    sent = [h264_stream.rtp_payload(packet.datagram) for packet in packets]
    complaints += _judge_slices(row, sent, stream.payloads(), False)
    complaints += _judge_description(stream)
    path = call.folder / "left.h264"
    complaints += _judge_decoded(row, stream.payloads(), path, seconds * demo_media.FRAMES_PER_S)
    pictures = _frames(path, call.folder, row["decoded_pictures"]) if call.pictures else []
    return row, complaints + (_judge_pictures(row, pictures, call.media, "right", seconds) if pictures else [])


def _judge_description(stream):
    """What the gateway says of its pictures and asks for: as the fact sheet has it."""
    complaints = []
    if not stream.source_requests:
        complaints.append("no video source request came")
    elif not any(one.key for one in stream.source_requests):
        complaints.append("no video source request wanted a key frame")
    leading = {}
    for packet in sorted(stream.received, key=lambda one: one.index):
        leading.setdefault(packet.ticks, packet.payload)
    without = sum(1 for payload in leading.values() if payload[0] & 0x1F != 30)
    if without > 1:  # the first one may be cut
        complaints.append(f"{without} of {len(leading)} pictures without a PACSI in front")
    wrong = sum(1 for one in stream.source_requests for entry in one.entries if entry[0] != stream.section.formats[0])
    if wrong:
        complaints.append(f"{wrong} entries for another payload type")
    return complaints


def _write_wav(path, stream):
    raw = b"".join(packet.payload for packet in sorted(stream.received, key=lambda one: one.index) if packet.payload_type in (0, 8))
    codec = {0: "mulaw", 8: "alaw"}[stream.received[0].payload_type]
    samples = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-f", codec, "-ar", "8000", "-i", "-", "-f", "s16le", "-"],
                             input=raw, check=True, capture_output=True).stdout
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples)


def _frames(path, folder, count):
    """Pictures out of what was received, spread over it."""
    numbers = [(number + 1) * count // (PICTURES + 1) for number in range(PICTURES)]
    wanted = "+".join(f"eq(n\\,{number})" for number in numbers)
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(path), "-vf", f"select={wanted}", "-vsync", "0",
                    str(folder / "left-%d.png")], check=False, capture_output=True)
    return [folder / f"left-{number + 1}.png" for number in range(PICTURES)]


def picture_loss_forms(video, peer_ssrc):
    """Every way in which a client asks for a key picture."""
    number = video.section.formats[0]
    yield "PLI", rtcp.picture_loss(video.ssrc, peer_ssrc)
    yield "PLI for any source", rtcp.picture_loss(video.ssrc, rtcp.ANY_SOURCE)
    yield "extended PLI", rtcp.extended_picture_loss(video.ssrc, peer_ssrc, 7)
    yield "FIR", rtcp.full_intra_request(video.ssrc, peer_ssrc)
    yield "source request with the key bit", rtcp.video_source_request(video.ssrc, [rtcp.entry(number)], 900, True)
    yield "the same without entries", rtcp.video_source_request(video.ssrc, [], 901, True)
    yield "20 entries", rtcp.video_source_request(video.ssrc, [rtcp.entry(number, mode=n % 2) for n in range(20)], 902, True)
    yield "RTVideo beside it", rtcp.video_source_request(video.ssrc, [rtcp.entry(121, mode=0), rtcp.entry(number, aspect=1)], 903, True)
    yield "of our own source", rtcp.video_source_request(video.ssrc, [rtcp.entry(number, flags=2 | 8)], 904, True, source=peer_ssrc)
