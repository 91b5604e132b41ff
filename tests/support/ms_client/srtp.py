"""Closes SRTP and SRTCP and opens them, with an MKI where one was agreed: AES_CM_128_HMAC_SHA1_80 (RFC 3711)."""
import base64
import hmac
import os

from .. import srtp_oracle

SUITE = "AES_CM_128_HMAC_SHA1_80"
_TAG = 10


def new_key():
    return base64.b64encode(os.urandom(30)).decode()


class Context:
    """One direction. key: base64 of key and salt; mki: bytes behind the payload, or none."""

    def __init__(self, key, mki=b""):
        master = base64.b64decode(key)
        self._master, self._salt, self._mki = master[:16], master[16:30], mki
        self._rtp = [self._derive(label, size) for label, size in ((0, 16), (1, 20), (2, 14))]
        self._rtcp = [self._derive(label, size) for label, size in ((3, 16), (4, 20), (5, 14))]
        self._rollover, self._highest, self._rtcp_index = {}, {}, 0

    def _derive(self, label, size):
        start = int.from_bytes(self._salt, "big") ^ (label << 48)
        return srtp_oracle.aes_ctr(self._master, (start << 16).to_bytes(16, "big"), bytes(size))

    @staticmethod
    def _start(salt, ssrc, index):
        return ((int.from_bytes(salt, "big") << 16) ^ (ssrc << 64) ^ (index << 16)).to_bytes(16, "big")

    def close(self, packet):
        key, auth, salt = self._rtp
        ssrc, sequence = int.from_bytes(packet[8:12], "big"), int.from_bytes(packet[2:4], "big")
        rollover = self._rollover.get(ssrc, 0)
        if ssrc in self._highest and self._highest[ssrc] - sequence > 0x8000:
            rollover = self._rollover[ssrc] = rollover + 1
        self._highest[ssrc] = sequence
        body = packet[:12] + srtp_oracle.aes_ctr(key, self._start(salt, ssrc, rollover << 16 | sequence), packet[12:])
        return body + self._mki + hmac.digest(auth, body + rollover.to_bytes(4, "big"), "sha1")[:_TAG]

    def close_rtcp(self, packet):
        key, auth, salt = self._rtcp
        self._rtcp_index += 1
        ssrc = int.from_bytes(packet[4:8], "big")
        body = packet[:8] + srtp_oracle.aes_ctr(key, self._start(salt, ssrc, self._rtcp_index), packet[8:])
        body += (0x80000000 | self._rtcp_index).to_bytes(4, "big")
        return body + self._mki + hmac.digest(auth, body, "sha1")[:_TAG]

    def open_rtcp(self, packet):
        """In clear, or None where the tag is wrong."""
        key, auth, salt = self._rtcp
        body, tag = packet[:-_TAG - len(self._mki)], packet[-_TAG:]
        if not hmac.compare_digest(hmac.digest(auth, body, "sha1")[:_TAG], tag):
            return None
        index, ssrc = int.from_bytes(body[-4:], "big") & 0x7FFFFFFF, int.from_bytes(body[4:8], "big")
        return body[:8] + srtp_oracle.aes_ctr(key, self._start(salt, ssrc, index), body[8:-4])
