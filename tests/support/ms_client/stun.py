"""STUN as [MS-ICE2] clients write it (padded integrity) and as RFC 8489 does."""
import dataclasses
import hmac
import socket
import struct
import zlib

MAGIC = 0x2112A442
REQUEST, SUCCESS, ERROR = 0x0001, 0x0101, 0x0111
_USERNAME, _INTEGRITY, _XOR_MAPPED, _PRIORITY, _USE_CANDIDATE = 0x0006, 0x0008, 0x0020, 0x0024, 0x0025
_FINGERPRINT, _CONTROLLED, _CONTROLLING, _IDENTIFIER, _VERSION = 0x8028, 0x8029, 0x802A, 0x8054, 0x8070


@dataclasses.dataclass(frozen=True)
class Message:
    kind: int
    transaction: bytes
    attributes: dict   # type -> value, the first of each
    data: bytes

    @property
    def use_candidate(self):
        return _USE_CANDIDATE in self.attributes


def parse(data):
    """None where it is no STUN."""
    if len(data) < 20 or data[0] > 3 or int.from_bytes(data[4:8], "big") != MAGIC:
        return None
    attributes, at = {}, 20
    while at + 4 <= len(data):
        kind, size = struct.unpack_from(">HH", data, at)
        attributes.setdefault(kind, data[at + 4:at + 4 + size])
        at += 4 + (size + 3) // 4 * 4
    return Message(int.from_bytes(data[:2], "big"), data[8:20], attributes, data)


def _padded(text):
    return text + bytes(-len(text) % 4)


def build(kind, transaction, attributes, password=None, form="microsoft", fingerprint=True):
    """form: microsoft (lengths include the padding, integrity over the final length and zeros to 64 bytes) or rfc."""
    body = b""
    for name, value in attributes:
        size = len(_padded(value)) if form == "microsoft" else len(value)
        body += struct.pack(">HH", name, size) + _padded(value)
    total = len(body) + (24 if password is not None else 0) + (8 if fingerprint else 0)

    def head(length):
        return struct.pack(">HHI", kind, length, MAGIC) + transaction

    message = head(total) + body
    if password is not None:
        text = head(total if form == "microsoft" else len(body) + 24) + body
        if form == "microsoft":
            text += bytes(-len(text) % 64)
        message += struct.pack(">HH", _INTEGRITY, 20) + hmac.digest(password.encode(), text, "sha1")
    if fingerprint:
        message += struct.pack(">HHI", _FINGERPRINT, 4, zlib.crc32(message) ^ 0x5354554E)
    return message


def check(transaction, username, password, tie_breaker, controlling=True, use_candidate=True, component=1, form="microsoft",
          fingerprint=True, priority=None):
    attributes = [(_USE_CANDIDATE, b"")] if use_candidate else []
    attributes += [(_PRIORITY, struct.pack(">I", priority or 0x6EFFFF00 | (256 - component))),
                   (_CONTROLLING if controlling else _CONTROLLED, tie_breaker), (_USERNAME, username.encode())]
    if form == "microsoft":
        attributes += [(_IDENTIFIER, b"1"), (_VERSION, struct.pack(">I", 2))]
    return build(REQUEST, transaction, attributes, password, form, fingerprint)


def success(request, source, password, form="microsoft"):
    host, port = source[:2]
    mapped = struct.pack(">BBHI", 0, 1, port ^ (MAGIC >> 16), int.from_bytes(socket.inet_aton(host), "big") ^ MAGIC)
    attributes = [(_XOR_MAPPED, mapped), (_USERNAME, request.attributes.get(_USERNAME, b"").rstrip(b"\0"))]
    if form == "microsoft":
        attributes.append((_VERSION, struct.pack(">I", 2)))
    return build(SUCCESS, request.transaction, attributes, password, form)


def form_of(message, password):
    """Under which rule the integrity is right: microsoft, rfc, or None where it is neither."""
    at = 20
    while at + 4 <= len(message.data):
        kind, size = struct.unpack_from(">HH", message.data, at)
        if kind == _INTEGRITY:
            head, body = message.data[:2], message.data[4:at]
            padded = message.data[:at] + bytes(-at % 64)
            strict = head + struct.pack(">H", at + 4) + body
            for form, text in (("microsoft", padded), ("rfc", strict)):
                if hmac.compare_digest(hmac.digest(password.encode(), text, "sha1"), message.attributes[_INTEGRITY]):
                    return form
            return None
        at += 4 + (size + 3) // 4 * 4
    return None


def has_right_fingerprint(message):
    """It is the last attribute and right (RFC 8489 14.7)."""
    at = len(message.data) - 8
    return message.attributes.get(_FINGERPRINT) == struct.pack(">I", zlib.crc32(message.data[:at]) ^ 0x5354554E)


def username(message):
    return message.attributes.get(_USERNAME, b"").rstrip(b"\0").decode("utf-8", "replace")
