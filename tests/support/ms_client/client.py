"""Calls to the gateway and from it over mutual TLS, as a Front End makes and takes them for its client."""
import queue
import re
import secrets
import select
import socket
import ssl
import threading
import time

from .. import netns
from . import bodies, media


class _Connection:
    """One TLS connection, read by a thread of its own."""

    def __init__(self, client, connected):
        self._client, self._socket = client, connected
        self._lock = threading.Lock()  # OpenSSL's connections serve one thread at a time
        threading.Thread(target=self._read, daemon=True).start()

    def close(self):
        try:
            self._socket.close()
        except OSError:
            pass

    def send(self, text):
        with self._lock:
            self._socket.settimeout(10)
            self._socket.sendall(text if isinstance(text, bytes) else text.encode())

    def _read(self):
        buffered = b""
        while True:
            part = self._receive()
            if part is None:
                continue
            if not part:
                return self._client.lost(self)
            buffered = self._cut((buffered + part).lstrip(b"\r\n"))

    def _cut(self, buffered):
        while b"\r\n\r\n" in buffered:
            head, rest = buffered.split(b"\r\n\r\n", 1)
            size = int((re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head) or [0, 0])[1])
            if len(rest) < size:
                break
            self._client.message(self, head.decode("utf-8", "replace"), rest[:size].decode("utf-8", "replace"))
            buffered = rest[size:]
        return buffered

    def _receive(self):
        """Bytes, none at the end; None when there is nothing yet."""
        try:
            if not self._socket.pending() and not select.select([self._socket], [], [], 0.2)[0]:
                return None
            with self._lock:
                self._socket.settimeout(0)
                return self._socket.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None
        except (OSError, ValueError):
            return b""


class Client:
    """name: as in the certificate. Start with connect(), and listen() to be called; each call is an Invite or an Incoming."""

    def __init__(self, lab, address, certificate, gateway, gateway_name="gateway.example.com", name="left.example.com"):
        self.namespace, self.address, self.name = lab.names["left"], address, name
        self._certificate, self._gateway, self._gateway_name = certificate, gateway, gateway_name
        self._calls = {}   # Call-ID -> Invite or Incoming
        self._listener, self._connections = None, []
        self.requests = []  # start lines of what the gateway asked
        self.incoming = queue.Queue()
        self._main = None

    def _context(self, side):
        context = ssl.SSLContext(side)
        context.load_cert_chain(self._certificate.chain, self._certificate.key)
        context.load_verify_locations(self._certificate.trusted)
        return context

    def connect(self):
        plain = netns.connect(self.namespace, *self._gateway)
        self._main = self._connection(self._context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain, server_hostname=self._gateway_name))

    def listen(self, port=5061):
        """Takes connections of the gateway, which shows its certificate."""
        context = self._context(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        self._listener = netns.tcp_listener(self.namespace, (self.address, port))

        def accept():
            while True:
                try:
                    plain, _ = self._listener.accept()
                    plain.settimeout(10)
                    self._connection(context.wrap_socket(plain, server_side=True))
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()

    def _connection(self, connected):
        made = _Connection(self, connected)
        self._connections.append(made)
        return made

    def close(self):
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)  # close() alone leaves accept() waiting
            self._listener.close()
        for one in self._connections:
            one.close()

    def streams(self, *kinds, **options):
        return {kind: media.Stream(self.namespace, self.address, kind, **options) for kind in kinds}

    def send(self, text):
        self._main.send(text)

    def lost(self, connection):
        """Its calls cannot go on."""
        for call in list(self._calls.values()):
            if (call.connection or self._main) is connection:
                call.closed()

    def message(self, connection, head, body):
        call = self._calls.get(value(head, "Call-ID"))
        if head.startswith("SIP/2.0"):
            if call:
                call.answered(head, body)
            return
        method = head.split()[0]
        self.requests.append(head.split("\r\n")[0])
        if method == "ACK":
            return
        if method == "INVITE" and call is None:
            call = self._calls[value(head, "Call-ID")] = Incoming(connection, self.name, head, body)
            self.incoming.put(call)
            return
        answer_body = call.description if call and method == "INVITE" else ""
        if answer_body and body:
            call.last_offer = body
        connection.send(response(head, "200 OK", self.name, answer_body, call.tag if call else ""))
        if call and method == "BYE":
            call.ended.set()

    def invite(self, kind, body, target="right@video.example.com", extra=()):
        call = Invite(self, kind, body, target, extra)
        self._calls[call.id] = call
        call.send_invite()
        return call


def response(head, status, name, body="", tag=""):
    lines = [f"SIP/2.0 {status}"]
    for line in head.split("\r\n")[1:]:
        if re.match(r"(?i)(via|from|call-id|cseq|record-route)\s*:", line):
            lines.append(line)
        elif re.match(r"(?i)to\s*:", line):
            lines.append(line if "tag=" in line or not tag else f"{line};tag={tag};epid=4eb952ba52")
    lines.append(f"Contact: <sip:left@{name}:5061;transport=tls>")
    if body:
        lines.append("Content-Type: application/sdp")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]) + f"\r\n\r\n{body}"


class Incoming:
    """A call of the gateway's: accept() it, or refuse() it."""

    def __init__(self, connection, name, head, body):
        self.connection, self._name, self._head, self.offer = connection, name, head, body
        self.last_offer = body    # the one after ICE, when it has come
        self.id, self.tag, self.description = value(head, "Call-ID"), secrets.token_hex(5), ""
        self.ended = threading.Event()
        connection.send(response(head, "180 Ringing", name, tag=self.tag))

    def sections(self):
        return bodies.read(self.offer)

    def accept(self, description):
        self.description = description
        self.answered_s = time.monotonic()
        self.connection.send(response(self._head, "200 OK", self._name, description, self.tag))

    def answered(self, head, body):
        """A response to our BYE."""

    def closed(self):
        self.ended.set()

    def bye(self):
        target = re.search(r"<(.*?)>", value(self._head, "Contact"))[1]
        routes = [f"Route: {line.split(':', 1)[1].strip()}" for line in self._head.split("\r\n")
                  if line.lower().startswith("record-route")]
        self.connection.send("\r\n".join([
            f"BYE {target} SIP/2.0", f"Via: SIP/2.0/TLS {self._name}:5061;branch=z9hG4bK{secrets.token_hex(8)}", "Max-Forwards: 70",
            *routes, f"From: {value(self._head, 'To')};tag={self.tag};epid=4eb952ba52", f"To: {value(self._head, 'From')}",
            f"Call-ID: {self.id}", "CSeq: 1 BYE", "Content-Length: 0"]) + "\r\n\r\n")


def value(head, name):
    found = re.search(rf"(?im)^{name}\s*:\s*(.*?)\s*$", head)
    return found[1] if found else ""


class Invite:
    tag = ""  # what the gateway sends has ours already

    def __init__(self, client, kind, body, target, extra):
        self._client, self._kind, self._body, self._target, self._extra = client, kind, body, target, extra
        self.id, self._tag = secrets.token_hex(12), secrets.token_hex(5)
        self.status, self.head, self.answer, self.description = None, "", "", body if kind == "application/sdp" else ""
        self.connection, self.answered_s = None, None  # None: the client's first connection
        self.final, self.ended = threading.Event(), threading.Event()
        self._to, self._contact, self._sequence = f"<sip:{target}>", f"sip:{target}", 1

    def send_invite(self):
        lines = ["Supported: timer", "Supported: 100rel", "Supported: ms-early-media", "ms-keep-alive: UAC;hop-hop=yes",
                 f"Ms-Conversation-ID: {secrets.token_urlsafe(18)}", *self._extra]
        self._request("INVITE", self._sequence, lines, self._kind, self._body)

    def _request(self, method, sequence, lines=(), kind=None, body=""):
        name = self._client.name
        head = [f"{method} {self._contact} SIP/2.0",
                f"Via: SIP/2.0/TLS {name}:5061;branch=z9hG4bK{secrets.token_hex(8)};branched=FALSE;ms-internal-info=\"ab\"",
                "Via: SIP/2.0/tls 10.30.4.21:51522;ms-received-port=51522;ms-received-cid=A1B200", "Max-Forwards: 69",
                f'From: "Left"<sip:left@ms.example.com>;tag={self._tag};epid=4eb952ba52', f"To: {self._to}", f"Call-ID: {self.id}",
                f"CSeq: {sequence} {method}", f"Contact: <sip:left@{name}:5061;transport=tls>", *lines]
        if kind:
            head.append(f"Content-Type: {kind}")
        data = body if isinstance(body, bytes) else body.encode()
        self._client.send("\r\n".join([*head, f"Content-Length: {len(data)}"]).encode() + b"\r\n\r\n" + data)

    def answered(self, head, body):
        status = int(head.split()[1])
        if value(head, "CSeq").split()[-1] != "INVITE" or status < 200:
            return
        self._to = value(head, "To")
        contact = re.search(r"<(.*?)>", value(head, "Contact"))
        if contact and status < 300:
            self._contact = contact[1]
        self._request("ACK", int(value(head, "CSeq").split()[0]))
        if not self.final.is_set():
            self.status, self.head, self.answer = status, head, body
            self.answered_s = self.answered_s or time.monotonic()
            self.final.set()

    def closed(self):
        """The connection has gone."""
        self.final.set()
        self.ended.set()

    def wait(self, seconds=20):
        """Status of the final answer; None when none came."""
        self.final.wait(seconds)
        return self.status

    def conclude(self, body):
        """The offer after ICE; its answer is read with sections() as the first one's was."""
        self.final.clear()
        self.status, self.description = None, body
        self._sequence += 1
        self._request("INVITE", self._sequence, (), "application/sdp", body)

    def bye(self):
        self._sequence += 1
        self._request("BYE", self._sequence)

    def sections(self):
        return bodies.read(self.answer)
