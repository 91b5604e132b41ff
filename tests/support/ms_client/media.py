"""One stream of a call: its ports, ICE in either role and form, SRTP, and what came."""
import collections
import dataclasses
import os
import random
import secrets
import struct
import threading
import time

from .. import srtp_oracle
from . import paths, rtcp, srtp, stun


@dataclasses.dataclass(frozen=True)
class Received:
    """A packet in clear."""
    index: int         # with the roll-overs
    payload_type: int
    marker: bool
    ticks: int
    ssrc: int
    payload: bytes


class Stream:
    """kind: audio or video. form: of the STUN messages it sends, microsoft or rfc. transport: see paths.py. Runs a thread from start() to stop(); figures
    are read after that, or with care."""

    def __init__(self, namespace, address, kind, form="microsoft", transport="udp"):
        self.kind, self.form, self.address = kind, form, address
        self.paths = paths.make(transport, namespace, address)
        self.ports = self.paths.ports
        self.ufrag, self.password = secrets.token_hex(2), secrets.token_hex(12)
        self.key = srtp.new_key()
        self.ssrc = random.randrange(1 << 20, 1 << 28) & ~0xFF
        self.mki_of_tag = {}                # what our description says of its keys
        self.offers_mux, self.mux = False, False
        self.counts = collections.Counter()
        self.received, self.rtcp = [], []   # of what came, in clear
        self.sent = []                      # (SSRC, payload) in clear, in order
        self.source_requests = []           # rtcp.SourceRequest
        self.picture_wanted = threading.Event()
        self.asked_source = threading.Event()
        self.wrong = []                     # sentences about what the far side should not send
        self.first_s = None                 # when the first packet came, time.monotonic()
        self.valid = {}                     # component -> address of the pair
        self.comes_back = False             # checks begin anew where the connection of a pair has ended
        self.returns = []                   # when they did, time.monotonic()
        self._numbers = {}                  # SSRC -> [sequence, ticks]
        self._sent_packets, self._octets = 0, 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._tie_breaker = os.urandom(8)
        self._checks = {}                   # transaction -> component
        self._succeeded = set()             # (component, address) that answered a check of ours
        self._nominated = set()             # (component, address) with USE-CANDIDATE of the far side
        self._thread = None

    def start(self, section, controlling=True):
        """section: bodies.Section of the far side's description."""
        self.remote, self.controlling = section, controlling
        self.mux = self.offers_mux and section.mux
        self._out = srtp.Context(self.key, self.mki_of_tag.get(section.tag, b""))
        self._in = srtp_oracle.Opener(f"1 {srtp.SUITE} inline:{section.key}", len(section.mki)) if section.key else None
        self._in_rtcp = srtp.Context(section.key, section.mki) if section.key else None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        if self._thread:
            self._thread.join(5)
        self.paths.close()

    @property
    def components(self):
        return (1,) if self.mux else (1, 2)

    @property
    def connected(self):
        return all(component in self.valid for component in self.components)

    # ------------------------------------------------------------------------------------------------------- ICE

    def _run(self):
        next_check, next_alive = 0.0, time.monotonic() + 5
        while not self._stopping.is_set():
            now = time.monotonic()
            if self.comes_back and any(not self.paths.is_open(source) for source in self.valid.values()):
                self.returns.append(now)
                for known in (self.valid, self._succeeded, self._nominated):
                    known.clear()
            if now >= next_check and not self.connected:
                next_check = now + 0.1
                for component, target in self.paths.targets(self.remote).items():
                    if component in self.components and component not in self.valid:
                        self.check(component, target)
            if now >= next_alive and self.connected:
                next_alive = now + 5
                for component, target in list(self.valid.items()):
                    self.paths.send(component, stun.build(0x0011, os.urandom(12), []), target)
            for component, data, source in self.paths.receive(0.05):
                self._receive(component, data, source)

    def check(self, component, target, **wrong):
        """wrong: other arguments of stun.check, to send a bad one."""
        transaction = os.urandom(12)
        self._checks[transaction] = component
        self.paths.send(component, stun.check(transaction, **(self.check_values(component) | wrong)), target, may_connect=True)

    def check_values(self, component):
        return {"username": f"{self.remote.ufrag}:{self.ufrag}", "password": self.remote.password, "tie_breaker": self._tie_breaker,
                "controlling": self.controlling, "use_candidate": self.controlling, "component": component, "form": self.form}

    def _receive_stun(self, component, message, source):
        self.counts["stun"] += 1
        if message.kind not in (stun.REQUEST, stun.SUCCESS):
            self.counts["stun error" if message.kind == stun.ERROR else "stun other"] += 1
            return
        password = self.password if message.kind == stun.REQUEST else self.remote.password
        form = stun.form_of(message, password)
        if form is None or not stun.has_right_fingerprint(message):
            self.wrong.append(f"{self.kind}: STUN {message.kind:04x} that is not authentic")
            return
        self.counts[f"stun {'request' if message.kind == stun.REQUEST else 'answer'} {form}"] += 1
        if message.kind == stun.REQUEST:
            if stun.username(message) != f"{self.ufrag}:{self.remote.ufrag}":
                self.wrong.append(f"{self.kind}: check for {stun.username(message)}")
            self.paths.send(component, stun.success(message, source, self.password, form), source)
            if message.use_candidate:
                # One connection carries both components; checks of ours go by it too (RFC 8445 7.3.1.4).
                for one in self.components if self.paths.is_tcp else (component,):
                    self._nominated.add((one, source))
                    if self.paths.is_tcp and (one, source) not in self._succeeded:
                        self.check(one, source)
        elif message.transaction in self._checks:
            # Over TCP the connection does not tell the component.
            self._succeeded.add((self._checks[message.transaction] if self.paths.is_tcp else component, source))
        for pair in self._succeeded:
            if self.controlling or pair in self._nominated:
                self.valid.setdefault(*pair)

    # ------------------------------------------------------------------------------------------------------- receiving

    def _receive(self, component, data, source):
        message = stun.parse(data)
        if message is not None:
            self._receive_stun(component, message, source)
        elif len(data) > 1 and 192 <= data[1] <= 223:
            self._receive_rtcp(data)
        elif len(data) >= 12:
            self._receive_rtp(data)

    def _receive_rtp(self, data):
        try:
            clear = self._in.open(data) if self._in else data
        except ValueError:
            self.counts["not authentic"] += 1
            return
        if self.first_s is None:
            self.first_s = time.monotonic()
        _, kind, sequence, ticks, ssrc = struct.unpack_from(">BBHII", clear)
        index = self._in.index(ssrc, sequence) if self._in else sequence
        self.received.append(Received(index, kind & 0x7F, bool(kind & 0x80), ticks, ssrc, clear[12 + 4 * (clear[0] & 0x0F):]))

    def _receive_rtcp(self, data):
        clear = self._in_rtcp.open_rtcp(data) if self._in_rtcp else data
        if clear is None:
            self.counts["rtcp not authentic"] += 1
            return
        self.counts["rtcp"] += 1
        self.rtcp.append(clear)
        for kind, count, packet in rtcp.packets(clear):
            if kind != 206:
                continue
            self.counts[{1: "pli", 4: "fir", 15: "source request"}.get(count, "other feedback")] += 1
            wanted = count in (1, 4)
            if count == 15:
                try:
                    request = rtcp.read_source_request(packet)
                except ValueError as error:
                    self.wrong.append(str(error))
                    continue
                wanted = request.key and request.request not in {one.request for one in self.source_requests}
                self.source_requests.append(request)
                self.asked_source.set()
            if wanted:
                self.picture_wanted.set()

    def payloads(self):
        """What came, in order of sequence."""
        return [packet.payload for packet in sorted(self.received, key=lambda packet: packet.index)]

    def lost(self):
        """(sequence numbers that never came, packets that came twice)."""
        indices = [packet.index for packet in self.received]
        distinct = len(set(indices))
        return (max(indices) - min(indices) + 1 - distinct if indices else 0), len(indices) - distinct

    # ------------------------------------------------------------------------------------------------------- sending

    def send(self, payload_type, payload, marker, advance, skip=0, ssrc=None, padding=b""):
        """advance: ticks since the packet before; skip: sequence numbers left out; ssrc: of our range or not."""
        with self._lock:
            source = self.ssrc if ssrc is None else ssrc
            numbers = self._numbers.setdefault(source, [random.randrange(1 << 16), random.randrange(1 << 31)])
            numbers[0] = (numbers[0] + 1 + skip) & 0xFFFF
            numbers[1] = (numbers[1] + advance) & 0xFFFFFFFF
            packet = struct.pack(">BBHII", 0xA0 if padding else 0x80, (0x80 if marker else 0) | payload_type, *numbers,
                                 source) + payload + padding
            self._sent_packets += 1
            self._octets += len(payload)
            self.sent.append((source, payload))
            self._emit(1, self._out.close(packet))

    def ticks_of(self, ssrc=None):
        return self._numbers.get(self.ssrc if ssrc is None else ssrc, [0, 0])[1]

    def send_rtcp(self, compound):
        with self._lock:
            self._emit(1 if self.mux else 2, self._out.close_rtcp(compound))

    def send_raw(self, data, component=1):
        self._emit(component, data)

    def _emit(self, component, data):
        target = self.valid.get(component)
        if target is not None:
            try:
                self.paths.send(component, data, target)
            except OSError:
                self.counts["not sent"] += 1

    def report(self):
        """SR and SDES, as a compound begins."""
        ntp = int((time.time() + 2208988800) * (1 << 32))
        return rtcp.sender_report(self.ssrc, self._sent_packets, self._octets, self.ticks_of(), ntp) + \
            rtcp.description(self.ssrc, f"sip:left@{self.address}")
