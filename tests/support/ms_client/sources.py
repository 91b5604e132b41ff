"""What a client sends: a tone, a film in X-H264UC, reports. Each is a thread from start() to stop()."""
import subprocess
import threading
import time

from . import h264uc, rtcp

VIDEO = 122


def tone(path, codec="mulaw"):
    """Samples of a WAV in G.711."""
    return subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(path), "-t", "60", "-f", codec, "-"], check=True,
                          capture_output=True).stdout


class _Source:
    def __init__(self, stream):
        self.stream = stream
        self.error = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._guarded, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stopping.set()
        self._thread.join(5)
        if self.error:
            raise self.error

    def _guarded(self):
        try:
            self._run()
        except Exception as error:  # told where the thread is waited for
            self.error = error

    def _sleep_until(self, due):
        """False at the end."""
        return not self._stopping.wait(max(0.0, due - time.monotonic()))


class Audio(_Source):
    """20 ms a packet, without a pause."""

    def __init__(self, stream, samples, payload_type=0):
        super().__init__(stream)
        self._samples, self._payload_type = samples, payload_type

    def _run(self):
        due, at, first = time.monotonic(), 0, True
        while self._sleep_until(due):
            self.stream.send(self._payload_type, self._samples[at:at + 160], first, 160)
            at, due, first = (at + 160) % (len(self._samples) - 160), due + 0.02, False


class Video(_Source):
    """Begins when the far side has asked for its source, and goes on with a key picture when one is wanted. Changes while it
    runs: `layers` (temporal layers that are sent), `change` (a function of payloads that gives others), `ssrc_of` (by layer)."""

    def __init__(self, stream, pictures, packer, rate=15, payload_type=VIDEO):
        super().__init__(stream)
        self.pictures, self._packer, self._rate, self._payload_type = pictures, packer, rate, payload_type
        self.layers, self.change, self.ssrc_of = (0, 1), None, {}
        self.asked_s, self.key_times, self.sent_pictures = None, [], 0  # key_times: time.time()
        self._ticks = {}

    def _run(self):
        while not self.stream.asked_source.wait(0.1):
            if self._stopping.is_set():
                return
        self.stream.picture_wanted.clear()
        self.asked_s = due = time.monotonic()
        at, clock = 0, 0
        while self._sleep_until(due):
            if self.stream.picture_wanted.is_set():
                self.stream.picture_wanted.clear()
                while not self.pictures[at].is_key:
                    at = (at + 1) % len(self.pictures)
            picture = self.pictures[at]
            if picture.layer in self.layers:
                self._send(picture, clock)
            at, due = (at + 1) % len(self.pictures), due + 1 / self._rate
            clock += 90000 // self._rate

    def _send(self, picture, clock):
        payloads = self._packer.pack(picture)
        if self.change:
            payloads = self.change(payloads)
        ssrc = self.ssrc_of.get(picture.layer, self.stream.ssrc)
        advance = clock - self._ticks.get(ssrc, clock)
        self._ticks[ssrc] = clock
        if picture.is_key:
            self.key_times.append(time.time())
        self.sent_pictures += 1
        for number, payload in enumerate(payloads):
            self.stream.send(self._payload_type, payload, number == len(payloads) - 1, advance if number == 0 else 0, ssrc=ssrc)
            if number % 8 == 7:
                time.sleep(0.001)  # a picture does not come in one burst


class Reports(_Source):
    """SR and SDES once a second; of video with a request for the far side's source, the same until `ask` is changed."""

    def __init__(self, stream, payload_type=VIDEO, period_s=1.0):
        super().__init__(stream)
        self._period_s = period_s
        self.request = 0
        self.ask(rtcp.entry(payload_type), key=stream.kind == "video")

    def ask(self, *entries, key=False, source=rtcp.ANY_SOURCE, **wrong):
        """From the next report on, under a new id."""
        self.request += 1
        self._question = rtcp.video_source_request(self.stream.ssrc, entries, self.request, key, source, **wrong)

    def send(self):
        """Feedback alone in its packet ([MS-RTP] 2.2.12)."""
        self.stream.send_rtcp(self._question)

    def _run(self):
        while not self.stream.connected:
            if self._stopping.wait(0.02):
                return
        due = time.monotonic()
        while self._sleep_until(due):
            self.stream.send_rtcp(self.stream.report() + (self._question if self.stream.kind == "video" else b""))
            due += self._period_s


def film(path, layers=1):
    base = h264uc.pictures(path)
    return h264uc.with_layers(base) if layers == 2 else base
