"""A call to the gateway over mutual TLS, as a Front End makes it for its client."""
import re
import secrets
import select
import ssl
import threading
import time

from .. import netns
from . import bodies, media


class Client:
    """name: as in the certificate. start with connect(); each call is an Invite."""

    def __init__(self, lab, address, certificate, gateway, gateway_name="gateway.example.com", name="left.example.com"):
        self.namespace, self.address, self.name = lab.names["left"], address, name
        self._certificate, self._gateway, self._gateway_name = certificate, gateway, gateway_name
        self._calls = {}   # Call-ID -> Invite
        self._lock = threading.Lock()  # OpenSSL's connections serve one thread at a time
        self.requests = []  # start lines of what the gateway asked

    def connect(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(self._certificate.chain, self._certificate.key)
        context.load_verify_locations(self._certificate.trusted)
        plain = netns.connect(self.namespace, *self._gateway)
        self._socket = context.wrap_socket(plain, server_hostname=self._gateway_name)
        threading.Thread(target=self._read, daemon=True).start()

    def close(self):
        try:
            self._socket.close()
        except OSError:
            pass

    def streams(self, *kinds):
        return {kind: media.Stream(self.namespace, self.address, kind) for kind in kinds}

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
                for call in self._calls.values():
                    call.closed()
                return
            buffered += part
            while b"\r\n\r\n" in buffered:
                head, rest = buffered.split(b"\r\n\r\n", 1)
                size = int((re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head) or [0, 0])[1])
                if len(rest) < size:
                    break
                self._message(head.decode("utf-8", "replace"), rest[:size].decode("utf-8", "replace"))
                buffered = rest[size:]

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

    def _message(self, head, body):
        call = self._calls.get(value(head, "Call-ID"))
        if head.startswith("SIP/2.0"):
            if call:
                call.answered(head, body)
            return
        method = head.split()[0]
        self.requests.append(head.split("\r\n")[0])
        if method == "ACK":
            return
        answer_body = call.description if call and method == "INVITE" else ""
        lines = ["SIP/2.0 200 OK", *[line for line in head.split("\r\n")[1:]
                                     if re.match(r"(?i)(via|from|to|call-id|cseq|record-route)\s*:", line)],
                 f"Contact: <sip:left@{self.name}:5061;transport=tls>"]
        if answer_body:
            lines.append("Content-Type: application/sdp")
        self.send("\r\n".join([*lines, f"Content-Length: {len(answer_body)}"]) + f"\r\n\r\n{answer_body}")
        if call and method == "BYE":
            call.ended.set()

    def invite(self, kind, body, target="right@video.example.com", extra=()):
        call = Invite(self, kind, body, target, extra)
        self._calls[call.id] = call
        call.send_invite()
        return call


def value(head, name):
    found = re.search(rf"(?im)^{name}\s*:\s*(.*?)\s*$", head)
    return found[1] if found else ""


class Invite:
    def __init__(self, client, kind, body, target, extra):
        self._client, self._kind, self._body, self._target, self._extra = client, kind, body, target, extra
        self.id, self._tag = secrets.token_hex(12), secrets.token_hex(5)
        self.status, self.head, self.answer, self.description = None, "", "", body if kind == "application/sdp" else ""
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
            self.answered_s = time.monotonic()
            self.final.set()

    def closed(self):
        """The connection has gone."""
        self.final.set()
        self.ended.set()

    def wait(self, seconds=20):
        """Status of the final answer; None when none came."""
        self.final.wait(seconds)
        return self.status

    def bye(self):
        self._sequence += 1
        self._request("BYE", self._sequence)

    def sections(self):
        return bodies.read(self.answer)
