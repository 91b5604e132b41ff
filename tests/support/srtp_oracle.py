"""Opens SRTP with the keys of an a=crypto attribute: a second opinion on what the gateway sent, made of OpenSSL's AES and
the standard library's HMAC. AES_CM_128_HMAC_SHA1_80 and _32, no MKI (RFC 3711 4.1.1, 4.2, 4.3)."""
import base64
import ctypes
import ctypes.util
import hmac

_TAG_BYTES = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
for _name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_ctr"):
    getattr(_crypto, _name).restype = ctypes.c_void_p


def aes_ctr(key, start, data):
    context = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
    out, size = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
    try:
        _crypto.EVP_EncryptInit_ex(context, ctypes.c_void_p(_crypto.EVP_aes_128_ctr()), None, key, start)
        _crypto.EVP_EncryptUpdate(context, out, ctypes.byref(size), data, len(data))
    finally:
        _crypto.EVP_CIPHER_CTX_free(context)
    return out.raw[:size.value]


class Opener:
    """One direction of one stream. attribute: "1 AES_CM_128_HMAC_SHA1_80 inline:BASE64[|...]". mki_bytes: between payload and tag."""

    def __init__(self, attribute, mki_bytes=0):
        _, suite, parameters = attribute.split()[:3]
        self._tag_bytes, self._mki_bytes = _TAG_BYTES[suite], mki_bytes
        master = base64.b64decode(parameters.removeprefix("inline:").split("|")[0])
        key, self._master_salt = master[:16], master[16:30]

        def derive(label, size):
            start = int.from_bytes(self._master_salt, "big") ^ (label << 48)
            return aes_ctr(key, (start << 16).to_bytes(16, "big"), bytes(size))

        self._key, self._auth_key, self._salt = derive(0, 16), derive(1, 20), derive(2, 14)
        self._rollover, self._highest = {}, {}

    def open(self, packet):
        """The RTP packet in clear; ValueError where the tag is wrong."""
        body, tag = packet[:-self._tag_bytes - self._mki_bytes], packet[-self._tag_bytes:]
        ssrc, sequence = int.from_bytes(body[8:12], "big"), int.from_bytes(body[2:4], "big")
        rollover = self._guess(ssrc, sequence)
        expected = hmac.digest(self._auth_key, body + rollover.to_bytes(4, "big"), "sha1")[:self._tag_bytes]
        if not hmac.compare_digest(expected, tag):
            raise ValueError(f"SRTP packet {sequence} of {ssrc:08x} is not authentic")
        index = rollover << 16 | sequence
        start = int.from_bytes(self._salt, "big") << 16 ^ ssrc << 64 ^ index << 16
        head = 12 + 4 * (body[0] & 0x0F)
        if body[0] & 0x10:
            head += 4 + 4 * int.from_bytes(body[head + 2:head + 4], "big")
        return body[:head] + aes_ctr(self._key, start.to_bytes(16, "big"), body[head:])

    def index(self, ssrc, sequence):
        """The packet index (roll-over counter and sequence number) of a packet just opened."""
        return self._guess(ssrc, sequence) << 16 | sequence

    def _guess(self, ssrc, sequence):
        """RFC 3711 3.3.1: the roll-over that makes the index nearest to the highest so far."""
        highest = self._highest.setdefault(ssrc, sequence)
        rollover = self._rollover.setdefault(ssrc, 0)
        if sequence - highest > 0x8000:
            return max(0, rollover - 1)
        if highest - sequence > 0x8000:
            self._rollover[ssrc] = rollover + 1
            self._highest[ssrc] = sequence
            return rollover + 1
        self._highest[ssrc] = max(highest, sequence)
        return rollover
