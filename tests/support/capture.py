"""Captures in a namespace, and what tshark reads out of them: every UDP packet as (time, from, to, RTP header)."""
import dataclasses
import pathlib
import signal
import subprocess

from . import netns, tls_keys

ENDPOINT_PORTS = (10000, 10999)  # rtp_ports of baresip.py
POOL_PORTS = (56000, 57000)      # the gateway's media ports
FLUSH_S = 0.4                    # after which a capture has written all that came before
ALL = "udp or tcp port 5060 or tcp port 5061 or tcp port 65072"  # media and SIP


@dataclasses.dataclass(frozen=True)
class Packet:
    time_s: float
    source: str        # address
    source_port: int
    target: str
    target_port: int
    ssrc: int | None   # None: no RTP (RTCP, STUN, SIP over UDP, DNS ...)
    payload_type: int | None
    sequence: int | None
    rtp_ticks: int | None
    udp_bytes: int
    datagram: bytes = b""  # whole UDP payload


class Capture:
    """dumpcap on one interface of a place of the lab."""

    def __init__(self, lab, place, device, path, filter_=ALL):
        self.path = pathlib.Path(path)
        self._log = self.path.with_suffix(".log")
        with self._log.open("wb") as log:
            self._process = lab.start(place, ["dumpcap", "-q", "-P", "-B", "16", "-i", device, "-f", filter_,
                                              "-w", self.path], stdout=log, stderr=subprocess.STDOUT)
        netns.wait_until(self._started, 10, f"capture on {device} of {place}")

    def _started(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"dumpcap ended: {self._log.read_text()}")
        return self.path.exists() and "File:" in self._log.read_text()

    def stop(self):
        """SIGINT makes dumpcap write out what it holds; its last line says how many packets it missed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
        return self.path


_FIELDS = ("frame.time_epoch ip.src ipv6.src ip.dst ipv6.dst udp.srcport udp.dstport udp.length "
           "rtp.ssrc rtp.p_type rtp.seq rtp.timestamp udp.payload").split()
_FIRST_RTCP, _LAST_RTCP = 64, 95  # payload types that a muxed RTCP packet would seem to have, RFC 5761 4


def _source(address):
    """tshark's name of the field that an address stands in."""
    return "ipv6.src" if ":" in address else "ip.src"


def udp_sums(path, source):
    """How many UDP packets from an address have a checksum that is right, and how many one that is not."""
    lines = subprocess.run(["tshark", "-n", "-r", path, "-o", "udp.check_checksum:TRUE", "-Y", f"udp and {_source(source)} == {source}", "-T", "fields", "-e",
                            "udp.checksum.status"], check=True, capture_output=True, text=True).stdout.split()
    good = lines.count("1")  # tshark: 0 bad, 1 good, 2 unverified, 3 not present
    return good, len(lines) - good


def read(path):
    """Every UDP packet of a capture file. Those between ports of endpoints and of the gateway are read as RTP."""
    ranges = [f"udp.port=={first}-{last},rtp" for first, last in (ENDPOINT_PORTS, POOL_PORTS)]
    arguments = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=,", "-E", "occurrence=f"]
    for decode_as in ranges:
        arguments += ["-d", decode_as]
    for field in _FIELDS:
        arguments += ["-e", field]
    lines = subprocess.run([*arguments, "udp"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [_packet(line.split(",")) for line in lines]


def _packet(row):
    (time, source4, source6, target4, target6, source_port, target_port, length, ssrc, payload_type, sequence, ticks,
     datagram) = row
    is_rtp = ssrc != "" and sequence != "" and not _FIRST_RTCP <= int(payload_type) <= _LAST_RTCP
    number = (lambda text: int(text, 0)) if is_rtp else (lambda text: None)
    return Packet(float(time), source4 or source6, int(source_port), target4 or target6, int(target_port), number(ssrc),
                  number(payload_type), number(sequence), number(ticks), int(length) - 8,
                  bytes.fromhex(datagram.replace(":", "")))


def crypto_attributes(path, from_address, others=False):
    """Values of a=crypto in each SDP that an address sent (others: that all others sent), in order: a list of lists (one for
    each message)."""
    run = subprocess.run(["tshark", "-n", *tls_keys.tshark_options(path), "-r", str(path), "-Y", f"sdp && {_source(from_address)} {'!=' if others else '=='} {from_address}", "-T", "fields", "-e",
                          "sdp.media_attr"], check=True, capture_output=True, text=True)
    # The attributes of a message come joined by commas; SDES key parameters (RFC 4568) hold none here.
    return [[attribute[len("crypto:"):] for attribute in line.split(",") if attribute.startswith("crypto:")]
            for line in run.stdout.splitlines()]


def answered_at(path, from_address):
    """When the first 200 to an INVITE came from an address; seconds of the capture's clock."""
    run = subprocess.run(["tshark", "-n", *tls_keys.tshark_options(path), "-r", str(path), "-Y", f"sip.Status-Code == 200 && sip.CSeq.method == INVITE && "
                          f"{_source(from_address)} == {from_address}", "-T", "fields", "-e", "frame.time_epoch"], check=True,
                         capture_output=True, text=True)
    times = run.stdout.split()
    if not times:
        raise ValueError(f"no answer to an INVITE came from {from_address} in {path}")
    return float(times[0])
