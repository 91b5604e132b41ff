"""What carries a stream's packets: two UDP sockets, or connections with RFC 4571 frames ([MS-ICE2])."""
import select
import socket
import struct
import threading

from .. import netns

TCP = ("tcp", "tcp-act", "tcp-pass")  # both directions of connecting, ours alone, the far side's alone


def make(transport, namespace, address):
    return Connections(namespace, address, transport) if transport in TCP else Datagrams(namespace, address)


class Datagrams:
    is_tcp = False

    def __init__(self, namespace, address):
        self._sockets = [netns.udp_listener(namespace, (address, 0)) for _ in (1, 2)]
        self.ports = [one.getsockname()[1] for one in self._sockets]

    def is_open(self, source):
        del source
        return True

    def send(self, component, data, target, may_connect=False):
        del may_connect
        self._sockets[component - 1].sendto(data, target)

    def receive(self, seconds):
        """(component, packet, source) of what came within this time, if anything did."""
        for one in select.select(self._sockets, [], [], seconds)[0]:
            data, source = one.recvfrom(65536)
            yield self._sockets.index(one) + 1, data, source

    def candidates(self, address):
        return [f"a=candidate:1 {component} UDP {2130706431 - 513 * (component - 1)} {address} {self.ports[component - 1]} typ host "
                for component in (1, 2)]

    @staticmethod
    def targets(section):
        return section.candidates

    def close(self):
        for one in self._sockets:
            one.close()


class Connections:
    """One port for both components; each connection carries RTP, RTCP and checks. A failed one is left out. There may be two with
    the same far address, one dialled from here and one from there: sources are (host, port, number of the connection)."""

    is_tcp = True

    def __init__(self, namespace, address, transport):
        self._namespace, self._transport = namespace, transport
        self._listener = netns.tcp_listener(namespace, (address, 0))
        self.ports = [self._listener.getsockname()[1]] * 2
        self._open = {}      # source -> socket
        self._read = {}      # socket -> bytes that no packet was made of yet
        self.dialled, self.accepted = [], []
        self._lock = threading.Lock()  # frames of several threads do not mix
        self.frames = 0      # that came

    def send(self, component, data, target, may_connect=False):
        del component
        connection = next((one for source, one in list(self._open.items()) if target in (source, source[:2])), None)
        if connection is None:
            if not may_connect or self._transport == "tcp-pass":
                return
            try:
                connection = self._add(netns.connect(self._namespace, *target), target)
            except ConnectionRefusedError:
                return  # nobody listens there at the moment
            self.dialled.append(target)
        try:
            with self._lock:
                connection.sendall(struct.pack(">H", len(data)) + data)
        except OSError:
            self._drop(connection)

    def _add(self, connection, source):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(5)
        self._read[connection] = b""
        self._open[(*source, len(self.dialled) + len(self.accepted))] = connection
        return connection

    def _drop(self, connection):
        self._read.pop(connection, None)
        self._open = {source: one for source, one in self._open.items() if one is not connection}
        connection.close()

    def is_open(self, source):
        return source in self._open

    def receive(self, seconds):
        for one in select.select([self._listener, *self._read], [], [], seconds)[0]:
            if one is self._listener:
                connection, source = one.accept()
                if self._transport == "tcp-act":
                    connection.close()
                else:
                    self._add(connection, source)
                    self.accepted.append(source)
                continue
            source = next((source for source, known in self._open.items() if known is one), None)
            if source is None:
                continue  # dropped in this turn
            try:
                data = one.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._drop(one)
                continue
            for packet in self._cut(one, data):
                yield 1, packet, source

    def _cut(self, connection, data):
        buffered = self._read[connection] + data
        while len(buffered) >= 2 and len(buffered) >= 2 + (size := int.from_bytes(buffered[:2], "big")):
            self.frames += 1
            yield buffered[2:2 + size]
            buffered = buffered[2 + size:]
        self._read[connection] = buffered

    def candidates(self, address):
        """Priorities as clients write them; of one connection the components differ in those alone."""
        kinds = {"tcp": ("PASS", "ACT"), "tcp-act": ("ACT",), "tcp-pass": ("PASS",)}[self._transport]
        first = {"PASS": 2120613375, "ACT": 2121006079}
        return [f"a=candidate:{number + 1} {component} TCP-{kind} {first[kind] - 513 * (component - 1)} {address} {self.ports[0]} typ host "
                for number, kind in enumerate(kinds) for component in (1, 2)]

    def targets(self, section):
        """Whom we check: who listens, or who has dialled us."""
        return section.tcp_candidates["ACT" if self._transport == "tcp-pass" else "PASS"]

    def close(self):
        self._listener.close()
        for one in list(self._read):
            one.close()
