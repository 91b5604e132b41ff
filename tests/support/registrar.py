#!/usr/bin/env python3
"""Stands for a Microsoft registrar and Front End: clients sign on to it without a password, and it carries their calls to each
other and, by a static route, to the gateway over mutual TLS.

Towards the gateway it is as strict as a Front End: the other side's certificate must cover the host of its topmost Via and of
its Contact; routes are signed and come back byte for byte. What was wrong is in the log as a line "WRONG: ...".
"""
import argparse
import asyncio
import dataclasses
import hashlib
import hmac
import os
import pathlib
import re
import ssl
import sys
import time

MAX_HEAD, MAX_BODY = 64 * 1024, 256 * 1024
_SECRET = os.urandom(16)  # of the route signatures of this process

_PROVISIONING = (
    '<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">'
    '<provisionGroup name="ServerConfiguration"><ucMaxVideoRateAllowed>Hd1080p-6M</ucMaxVideoRateAllowed>'
    "<ucPC2PCAVEncryption>SupportEncryption</ucPC2PCAVEncryption></provisionGroup>"
    '<provisionGroup name="mediaConfiguration"/></provisionGroupList>')
# Event -> (type, body) of the piggybacked first notification.
_SUBSCRIPTIONS = {
    "vnd-microsoft-provisioning-v2": ("application/vnd-microsoft-roaming-provisioning-v2+xml", _PROVISIONING),
    "vnd-microsoft-roaming-contacts": (
        "application/vnd-microsoft-roaming-contacts+xml",
        '<contactList deltaNum="1" xmlns="http://schemas.microsoft.com/2006/09/sip/contacts">'
        '<group id="1" name="~" externalURI=""/></contactList>'),
    "vnd-microsoft-roaming-self": (
        "application/vnd-microsoft-roaming-self+xml",
        '<roamingData xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self">'
        '<categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="sip:x"/>'
        '<containers xmlns="http://schemas.microsoft.com/2006/09/sip/containers"/></roamingData>'),
}


class Message:
    """Start line and header lines as they came; bytes that are not touched leave as they arrived."""

    def __init__(self, head, body):
        # A folded line belongs to the one before it (RFC 3261 7.3.1).
        lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        self.start, self.lines, self.body = lines[0], lines[1:], body

    @property
    def is_response(self):
        return self.start.startswith("SIP/2.0 ")

    @property
    def method(self):
        return self.values("CSeq")[0].split()[-1] if self.is_response else self.start.split()[0]

    def values(self, name):
        short = {"via": "v", "content-length": "l", "content-type": "c", "to": "t", "from": "f", "call-id": "i", "contact": "m"}
        wanted = {name.lower(), short.get(name.lower(), name.lower())}
        return [line.split(":", 1)[1].strip() for line in self.lines if line.split(":", 1)[0].strip().lower() in wanted]

    def value(self, name):
        return (self.values(name) or [""])[0]

    def place(self, name):
        """Where the first line of a header is."""
        return next(at for at, line in enumerate(self.lines) if line.split(":", 1)[0].strip().lower() == name.lower())

    def encoded(self):
        return ("\r\n".join([self.start, *self.lines]) + "\r\n\r\n").encode() + self.body


def answer(request, status, phrase, headers=(), kind=None, body=""):
    to = request.value("To")
    if ";tag=" not in to:
        to += ";tag=" + hashlib.sha1(request.value("Call-ID").encode()).hexdigest()[:10]
    lines = [*(f"Via: {via}" for via in request.values("Via")), f"From: {request.value('From')}", f"To: {to}",
             f"Call-ID: {request.value('Call-ID')}", f"CSeq: {request.value('CSeq')}", *headers]
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines.append(f"Content-Length: {len(body.encode())}")
    return Message("\r\n".join([f"SIP/2.0 {status} {phrase}", *lines]), body.encode())


def user_at_host(uri):
    """ "<sip:ann@ms.example.com:43820;maddr=...>" -> ("ann", "ms.example.com")."""
    found = re.search(r"sips?:(?:([^@;>?\s]+)@)?(\[[^\]]+\]|[^:;>?\s]+)", uri, re.IGNORECASE)
    return (found[1] or "", found[2].lower()) if found else ("", "")


@dataclasses.dataclass
class Connection:
    writer: asyncio.StreamWriter
    name: str
    certified: frozenset   # names of the other side's certificate; empty: none was shown
    is_gateway: bool = False

    def send(self, message):
        self.writer.write(message.encoded())

    @property
    def open(self):
        return not self.writer.is_closing()


class Registrar:
    def __init__(self, options):
        self.options = options
        self.clients = {}    # (user, host) -> Connection
        self.awaited = {}    # branch -> Connection that the response goes to
        self.gateway = None  # a Connection that either side opened
        self._branches = 0
        self._log = options.log.open("w") if options.log else sys.stdout
        self.server_context, self.client_context = self._contexts() if options.transport == "tls" else (None, None)

    def _contexts(self):
        options = self.options
        contexts = []
        for purpose in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
            context = ssl.SSLContext(purpose)
            context.load_cert_chain(options.certificate, options.key)
            context.load_verify_locations(options.trusted)
            if options.tls_secrets:
                context.keylog_filename = str(options.tls_secrets)
            contexts.append(context)
        # Clients show none, the gateway must: see _is_gateway.
        contexts[0].verify_mode = ssl.CERT_OPTIONAL
        return contexts

    def say(self, sentence):
        self._log.write(f"{time.time():.3f} {sentence}\n")
        self._log.flush()

    def wrong(self, sentence):
        self.say(f"WRONG: {sentence}")

    # ------------------------------------------------------------------------------------------------- connections

    def _connection(self, writer):
        certificate = writer.get_extra_info("peercert") or {}
        names = frozenset(value.lower() for _, value in certificate.get("subjectAltName", ()))
        peer = writer.get_extra_info("peername")
        connection = Connection(writer, f"{peer[0]}:{peer[1]}", names)
        connection.is_gateway = (self.options.gateway_name in names if self.options.transport == "tls"
                                 else peer[0] == self.options.gateway_address)
        return connection

    async def accept(self, reader, writer):
        connection = self._connection(writer)
        self.say(f"connection from {connection.name}, certificate {sorted(connection.certified)}")
        if connection.is_gateway:
            self.gateway = connection
        await self.read(reader, connection)

    async def to_gateway(self):
        if self.gateway is None or not self.gateway.open:
            options = self.options
            name = options.gateway_name if self.client_context else None
            reader, writer = await asyncio.open_connection(options.gateway_address, options.gateway_port,
                                                           ssl=self.client_context, server_hostname=name)
            self.gateway = self._connection(writer)
            self.gateway.is_gateway = True
            self.say(f"connected to the gateway, certificate {sorted(self.gateway.certified)}")
            asyncio.get_running_loop().create_task(self.read(reader, self.gateway))
        return self.gateway

    async def read(self, reader, connection):
        try:
            while True:
                head = b""
                while not head:  # CRLFs between messages are keep-alives
                    head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                    if len(head) > MAX_HEAD:
                        raise ValueError(f"{len(head)} bytes of headers")
                message = Message(head[:-4].decode("utf-8", "replace"), b"")
                length = int(message.value("Content-Length") or 0)
                if length > MAX_BODY:
                    raise ValueError(f"a body of {length} bytes")
                message.body = await reader.readexactly(length) if length else b""
                self.say(f"<< {connection.name}\n{message.encoded().decode('utf-8', 'replace')}")
                await (self.response(message, connection) if message.is_response else self.request(message, connection))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            self.say(f"connection of {connection.name} ended")
        except (ValueError, IndexError, KeyError, StopIteration) as error:
            self.wrong(f"{connection.name} sent what is no SIP: {error!r}")
            connection.writer.close()

    # ---------------------------------------------------------------------------------------------------- messages

    async def response(self, message, sender):
        names = sender.certified or set()  # over TCP nobody showed a certificate
        if sender.is_gateway and names and message.value("Contact") and user_at_host(message.value("Contact"))[1] not in names:
            self.wrong(f"{message.start}: {message.value('Contact')} is no name of the gateway's certificate")
        via = message.value("Via")
        branch = re.search(r"branch=([^;,\s]+)", via)
        connection = self.awaited.get(branch[1]) if branch else None
        if connection is None:
            return self.wrong(f"a response whose topmost Via is not ours: {message.start}, {via}")
        at = message.place("Via")
        first, comma, rest = message.lines[at].partition(",")
        if comma:
            message.lines[at] = f"Via:{rest}"
        else:
            del message.lines[at]
        connection.send(message)

    async def request(self, message, connection):
        if connection.is_gateway and not self._covered(message, connection):
            return None if message.method == "ACK" else connection.send(answer(message, 400, "Missing Correct Via Header"))
        if message.method in ("REGISTER", "SUBSCRIBE", "SERVICE"):
            return connection.send(self._of_registrar(message, connection))
        if not self._signed_route(message):
            return None if message.method == "ACK" else connection.send(answer(message, 400, "Invalid Route Signature"))
        if message.method in ("NOTIFY", "OPTIONS", "PUBLISH") and ";tag=" not in message.value("To"):
            return connection.send(answer(message, 200, "OK"))
        if message.method == "BENOTIFY":
            return None
        target = await self._target(message, connection)
        if target is None:
            return None if message.method == "ACK" else connection.send(answer(message, 404, "Not Found"))
        self._forward(message, connection, target)

    def _covered(self, message, connection):
        """A Front End trusts a server by names: topmost Via and Contact must be covered by its certificate."""
        if not connection.certified:
            return self.options.transport != "tls"
        hosts = [message.value("Via").split()[1].split(";")[0]]
        if message.value("Contact"):
            hosts.append(user_at_host(message.value("Contact"))[1])
        for host in hosts:
            name = re.sub(r":\d+$", "", host).lower()
            if re.fullmatch(r"[\d.]+", name) or name not in connection.certified:
                self.wrong(f"{message.method}: {host} is no name of the gateway's certificate")
                return False
        return True

    def _signed_route(self, message):
        """Takes our route off; True where it is there when it must be, and is what we gave out."""
        in_dialog = ";tag=" in message.value("To")
        routes = [line for line in message.lines if line.split(":", 1)[0].strip().lower() == "route"]
        if not routes:
            if in_dialog:
                self.wrong(f"{message.method} {message.value('Call-ID')}: in a dialog and without our route")
            return not in_dialog
        value = routes[0].split(":", 1)[1].strip()
        first, comma, rest = value.partition(",")
        found = re.fullmatch(r"(<[^<>]*);ms-route-sig=([0-9a-f]+)>(;tag=[0-9a-f]+)?", first)
        if not found or not hmac.compare_digest(found[2], self._signature(found[1])):
            self.wrong(f"{message.method}: route {first} is not as we signed it")
            return False
        at = message.lines.index(routes[0])
        if comma:
            message.lines[at] = f"Route: {rest.strip()}"
        else:
            del message.lines[at]
        return True

    @staticmethod
    def _signature(route):
        return hmac.new(_SECRET, route.encode(), "sha1").hexdigest()

    def _record_route(self, message):
        options = self.options
        state = hashlib.sha1(message.value("Call-ID").encode()).hexdigest()[:6]
        # Mixed case and a parameter behind the bracket: both are seen, and both must come back.
        route = (f"<sip:{options.name}:{options.port};transport={options.transport};ms-fe={options.name};"
                 f"opaque=state:T:F:Ci.R{state};lr")
        return f"Record-Route: {route};ms-route-sig={self._signature(route)}>;tag={state.upper().lower()}"

    async def _target(self, message, connection):
        user, host = user_at_host(message.start.split()[1])
        own = (self.options.domain, self.options.name, self.options.address)
        client = self.clients.get((user, self.options.domain)) if host in own else None
        if client is not None and client.open and client is not connection:
            return client
        if not connection.is_gateway and host in (self.options.route, self.options.gateway_name, self.options.gateway_address):
            try:
                return await self.to_gateway()
            except (OSError, ssl.SSLError) as error:
                self.wrong(f"no connection to the gateway: {error}")
        return None

    def _forward(self, message, connection, target):
        options = self.options
        self._branches += 1
        branch = f"z9hG4bK{self._branches:06X}.{hashlib.sha1(os.urandom(8)).hexdigest()[:16].upper()}"
        self.awaited[branch] = connection
        peer = connection.writer.get_extra_info("peername")
        message.lines[message.place("Via") if "Via" in "".join(message.lines) else 0] += (
            f";ms-received-port={peer[1]};ms-received-cid=A1B200")
        added = [f"Via: SIP/2.0/{options.transport.upper()} {options.name}:{options.port};branch={branch};branched=FALSE;"
                 "ms-internal-info=\"abTY4Zm\""]
        if message.method == "INVITE":
            added.append(self._record_route(message))
        if target.is_gateway:
            user, _ = user_at_host(message.value("From"))
            if message.method == "INVITE" and ";tag=" not in message.value("To"):
                added.append(f'P-Asserted-Identity: "{user}"<sip:{user}@{options.domain}>,<tel:+4315550100>')
                added.append(f"history-info: {message.start.split()[1].join('<>')};index=1")
            added.append("ms-split-domain-info: ms-traffic-type=SplitIntra")
        message.lines[0:0] = added
        self.say(f">> {target.name}\n{message.encoded().decode('utf-8', 'replace')}")
        target.send(message)

    def _of_registrar(self, message, connection):
        options = self.options
        if message.method == "SERVICE":
            return answer(message, 200, "OK", kind="application/msrtc-presence-setsubscriber+xml")
        if message.method == "SUBSCRIBE":
            event = message.value("Event")
            kind, body = _SUBSCRIPTIONS.get(event.split(";")[0].strip(), (None, ""))
            return answer(message, 200, "OK", [
                "Expires: 600", f"Event: {event}", "subscription-state: active;expires=600",
                f"Contact: <sip:{options.name}:{options.port};transport={options.transport}>"], kind, body)
        user, host = user_at_host(message.value("To"))
        self.clients[user, host] = connection
        self.say(f"{user}@{host} signed on from {connection.name}")
        contact = message.value("Contact").split(";")[0] or "<sip:nobody>"
        if not contact.endswith(">"):
            contact += ">"
        return answer(message, 200, "OK", [
            f'Contact: {contact};expires=600;+sip.instance="<urn:uuid:0>";gruu="sip:{user}@{host};opaque=user:epid:a1b2c3;gruu"',
            "Expires: 600", "Event: registration",
            "Allow-Events: vnd-microsoft-provisioning,vnd-microsoft-roaming-contacts,vnd-microsoft-roaming-ACL,presence,"
            "presence.wpending,vnd-microsoft-roaming-self,vnd-microsoft-provisioning-v2",
            "Supported: adhoclist", "Server: RTC/5.0", "Supported: msrtc-event-categories",
            "ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"])


async def serve(options):
    registrar = Registrar(options)
    server = await asyncio.start_server(registrar.accept, options.address, options.port, ssl=registrar.server_context,
                                        limit=MAX_HEAD)
    registrar.say(f"listening at {options.address}:{options.port}")
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True, help="to listen at; libnice finds no address of 127.0.0.1")
    parser.add_argument("--port", type=int, default=5061)
    parser.add_argument("--transport", choices=("tls", "tcp"), default="tls")
    parser.add_argument("--name", default="left.example.com", help="its FQDN, as in its certificate")
    parser.add_argument("--domain", default="ms.example.com", help="of its users")
    parser.add_argument("--certificate", type=pathlib.Path)
    parser.add_argument("--key", type=pathlib.Path)
    parser.add_argument("--trusted", type=pathlib.Path)
    parser.add_argument("--tls-secrets", type=pathlib.Path, help="file for the secrets of its connections, for captures")
    parser.add_argument("--log", type=pathlib.Path)
    parser.add_argument("--route", default="video.example.com", help="domain of the static route")
    parser.add_argument("--gateway-name", default="gateway.example.com")
    parser.add_argument("--gateway-address", default="192.0.2.1")
    parser.add_argument("--gateway-port", type=int, default=65072)
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
