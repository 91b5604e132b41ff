"""Media over TCP in a capture, as tshark's dissector of RFC 4571 reads it: every packet behind its length, none left over."""
import collections
import dataclasses
import subprocess

from . import capture

STREAM_FILTER = f"tcp portrange {capture.POOL_PORTS[0]}-{capture.POOL_PORTS[1]}"


@dataclasses.dataclass
class Connection:
    """What went one way between two ports."""
    frames: int = 0
    octets: int = 0        # of all frames, lengths included
    stream_octets: int = 0  # of TCP's payload
    kinds: collections.Counter = dataclasses.field(default_factory=collections.Counter)


def read(path):
    """{(from, to): Connection}; addresses are (host, port). Frames are cut out of TCP's stream by tshark, which sees to what was
    sent again or came out of order."""
    first, last = capture.POOL_PORTS
    arguments = ["tshark", "-n", "-r", str(path), "-o", "tcp.desegment_tcp_streams:TRUE", "-d", f"tcp.port=={first}-{last},rtp",
                 "-T", "fields", "-E", "separator=;", "-E", "occurrence=a", "-Y", "tcp.len > 0 && !tcp.analysis.retransmission"]
    for field in ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.len", "rtp.rfc4571.len", "rtp.version", "rtcp.version"):
        arguments += ["-e", field]
    found = collections.defaultdict(Connection)
    for line in subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.splitlines():
        source, source_port, target, target_port, size, lengths, rtp, rtcp = line.split(";")
        one = found[((source, int(source_port)), (target, int(target_port)))]
        one.stream_octets += int(size)
        sizes = [int(length) for length in filter(None, lengths.split(","))]
        one.frames += len(sizes)
        one.octets += sum(sizes) + 2 * len(sizes)
        # What begins with two zero bits is STUN (RFC 7983 7), which this dissector takes for RTP of version 0.
        versions = [int(value) for value in filter(None, rtp.split(","))]
        one.kinds.update({"rtp": versions.count(2), "stun": versions.count(0), "rtcp": len([value for value in rtcp.split(",") if value])})
    return dict(found)


def judge(path, gateway, strangers=()):
    """(rows, complaints) of all connections with the gateway's media ports, but for those of strangers: (host, port) of each."""
    rows, complaints = [], []
    for (source, target), one in sorted(read(path).items()):
        ours = source if source[0] == gateway else target
        if ours[0] != gateway or not capture.POOL_PORTS[0] <= ours[1] <= capture.POOL_PORTS[1] or {source, target} & set(strangers):
            continue
        name = f"{source[0]}:{source[1]} -> {target[0]}:{target[1]}"
        rows.append({"connection": name, "frames": one.frames, **one.kinds})
        if one.octets != one.stream_octets:
            complaints.append(f"{name}: {one.stream_octets} octets went, {one.octets} are frames")
    return rows, complaints
