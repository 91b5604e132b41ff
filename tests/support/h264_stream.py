"""H.264 out of captured RTP (RFC 6184, packetization mode 0 and 1), decoded by ffmpeg: how many pictures came out, and how
many the decoder complained about."""
import pathlib
import subprocess

_START = b"\0\0\0\1"
_SPS, _STAP_A, _FU_A, _PACSI = 7, 24, 28, 30


def rtp_payload(datagram):
    """Without header, CSRCs, extension and padding (RFC 3550 5.1)."""
    at = 12 + 4 * (datagram[0] & 0x0F)
    if datagram[0] & 0x10:
        at += 4 + 4 * int.from_bytes(datagram[at + 2:at + 4], "big")
    end = len(datagram) - (datagram[-1] if datagram[0] & 0x20 else 0)
    return datagram[at:end]


def nal_units(payloads):
    """NAL units out of RTP payloads in order of sequence. Where a fragment is missing the unit is shorter, and wrong."""
    units, in_fragments = [], False
    for payload in payloads:
        if not payload:
            continue
        kind = payload[0] & 0x1F
        if kind == _FU_A:
            if payload[1] & 0x80 or not in_fragments:
                units.append(bytearray([(payload[0] & 0xE0) | (payload[1] & 0x1F)]))
            units[-1] += payload[2:]
            in_fragments = not payload[1] & 0x40
            continue
        in_fragments = False
        if kind == _STAP_A:
            at = 1
            while at + 2 <= len(payload):
                size = int.from_bytes(payload[at:at + 2], "big")
                units.append(payload[at + 2:at + 2 + size])
                at += 2 + size
        else:
            units.append(payload)
    return units


def byte_stream(payloads):
    """RTP payloads in order of sequence -> Annex B, from the first parameter set on: what comes before it cannot be decoded."""
    out = bytearray()
    for unit in nal_units(payloads):
        kind = unit[0] & 0x1F if unit else _PACSI
        if kind == _PACSI or (not out and kind != _SPS):
            continue
        out += _START + unit
    return bytes(out)


def decode(payloads, path):
    """Returns (pictures, complaints of the decoder). The stream is kept at path."""
    pathlib.Path(path).write_bytes(byte_stream(payloads))
    run = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-f", "h264", "-i", str(path), "-f",
                          "framehash", "-"], capture_output=True, text=True)
    pictures = sum(1 for line in run.stdout.splitlines() if line and not line.startswith("#"))
    return pictures, len(run.stderr.splitlines())
