"""One stream of a call: two ports, ICE as the controlling side, SRTP, and counts of what came."""
import collections
import os
import random
import secrets
import select
import struct
import threading
import time

from .. import netns, srtp_oracle
from . import srtp, stun


class Stream:
    """kind: audio or video. Runs a thread from start() to stop(); figures are read after that, or with care."""

    def __init__(self, namespace, address, kind):
        self.kind = kind
        self.sockets = [netns.udp_listener(namespace, (address, 0)) for _ in (1, 2)]
        self.ports = [one.getsockname()[1] for one in self.sockets]
        self.ufrag, self.password = secrets.token_hex(2), secrets.token_hex(12)
        self.key = srtp.new_key()
        self.ssrc = random.randrange(1 << 20, 1 << 28) & ~0xFF
        self.counts = collections.Counter()
        self.payloads, self.rtcp = [], []   # of what came, in clear
        self.first_s = None                 # when the first packet came, time.monotonic()
        self.valid = {}                     # component -> address of the pair
        self._sequence, self._ticks = random.randrange(1 << 16), random.randrange(1 << 31)
        self._sent, self._octets = 0, 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._tie_breaker = os.urandom(8)
        self._checks = {}                   # transaction -> component
        self._thread = None

    def start(self, section, mki=b"", tag_key=None):
        """section: bodies.Section of the answer."""
        self.remote = section
        self._out = srtp.Context(self.key, mki)
        self._in = srtp_oracle.Opener(f"1 {srtp.SUITE} inline:{section.key}", len(section.mki)) if section.key else None
        self._in_rtcp = srtp.Context(section.key, section.mki) if section.key else None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        if self._thread:
            self._thread.join(5)
        for one in self.sockets:
            one.close()

    @property
    def connected(self):
        return len(self.valid) == 2

    def _run(self):
        next_check = 0.0
        while not self._stopping.is_set():
            now = time.monotonic()
            if now >= next_check and not self.connected:
                next_check = now + 0.1
                for component, target in self.remote.candidates.items():
                    if component not in self.valid:
                        self.check(component, target)
            for one in select.select(self.sockets, [], [], 0.05)[0]:
                data, source = one.recvfrom(65536)
                self._receive(self.sockets.index(one) + 1, data, source)

    def check(self, component, target, **wrong):
        """wrong: other arguments of stun.check, to send a bad one."""
        transaction = os.urandom(12)
        self._checks[transaction] = component
        values = {"username": f"{self.remote.ufrag}:{self.ufrag}", "password": self.remote.password,
                  "tie_breaker": self._tie_breaker, "component": component} | wrong
        self.sockets[component - 1].sendto(stun.check(transaction, **values), target)

    def _receive(self, component, data, source):
        message = stun.parse(data)
        if message is not None:
            self.counts["stun"] += 1
            if message.kind == stun.REQUEST:
                self.sockets[component - 1].sendto(stun.success(message, source, self.password), source)
            elif message.kind == stun.SUCCESS and message.transaction in self._checks:
                self.valid.setdefault(component, source)
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
        self.counts["rtp"] += 1
        self.payloads.append(clear[12 + 4 * (clear[0] & 0x0F):])

    def _receive_rtcp(self, data):
        clear = self._in_rtcp.open_rtcp(data) if self._in_rtcp else data
        if clear is None:
            self.counts["rtcp not authentic"] += 1
        else:
            self.counts["rtcp"] += 1
            self.rtcp.append(clear)

    # ------------------------------------------------------------------------------------------------------- sending

    def send(self, payload_type, payload, marker, advance, skip=0):
        """advance: ticks since the packet before; skip: sequence numbers left out."""
        with self._lock:
            self._sequence = (self._sequence + 1 + skip) & 0xFFFF
            self._ticks = (self._ticks + advance) & 0xFFFFFFFF
            packet = struct.pack(">BBHII", 0x80, (0x80 if marker else 0) | payload_type, self._sequence, self._ticks,
                                 self.ssrc) + payload
            self._sent += 1
            self._octets += len(payload)
            self._emit(1, self._out.close(packet))

    def send_rtcp(self, compound):
        with self._lock:
            self._emit(2, self._out.close_rtcp(compound))

    def send_raw(self, data, component=1):
        self._emit(component, data)

    def _emit(self, component, data):
        target = self.valid.get(component)
        if target is not None:
            try:
                self.sockets[component - 1].sendto(data, target)
            except OSError:
                self.counts["not sent"] += 1

    def report(self):
        from . import rtcp
        return rtcp.sender_report(self.ssrc, self._sent, self._octets, self._ticks, int((time.time() + 2208988800) * (1 << 32)))
