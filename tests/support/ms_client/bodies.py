"""Session descriptions and bodies of several releases: the samples of tests/data/sdp with addresses, ports and keys of a call."""
import dataclasses
import pathlib
import re

from . import srtp

_SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "data/sdp"
RELEASES = {"2010": "lync2010-offer.sdp", "2013": "lync2013-offer.sdp", "2016": "lync2016-offer.sdp", "sipe": "sipe-offer.sdp"}
BOUNDARY = "----=_NextPart_000_0001_01EXAMPLE"


def offer(release, address, streams, keys="all", concluded=False):
    """streams: {"audio": Stream, "video": Stream} of media.py, whose ports, keys and passwords take the sample's place. Sections
    without one are refused in place. keys: all of the sample's lines, or "mki" for those with an identifier alone. concluded: as
    the offer after ICE says it, with the chosen pair ([MS-ICE2], second offer)."""
    sections = re.split(r"(?m)^(?=m=)", (_SAMPLES / RELEASES[release]).read_text().replace("\r\n", "\n"))
    found = re.search(r"(?m)^c=IN IP4 (\S+)", sections[0])
    out = [sections[0].replace(found[1], address) if found else sections[0]]
    left = dict(streams)
    for section in sections[1:]:
        kind, port = re.match(r"m=(\S+) (\d+)", section).groups()
        stream = left.pop(kind, None) if port != "0" else None
        out.append(_section(section, address, stream, keys, concluded) if stream
                   else re.sub(r"^m=(\S+) \d+ (\S+) (\d+).*(?s:.*)", r"m=\1 0 \2 \3\n", section))
    return "".join(out).replace("\n", "\r\n")


def _section(text, address, stream, keys, concluded):
    lines = []
    stream.offers_mux = "a=rtcp-mux\n" in text
    has_identifier = re.search(r"(?m)^a=crypto:.*\|\d+:\d+\s*$", text)
    for line in text.strip().split("\n"):
        if line.startswith("m="):
            line = re.sub(r"^m=(\S+) \d+", rf"m=\1 {stream.ports[0]}", line)
            if concluded:
                line = line.replace("RTP/AVP", "RTP/SAVP")
                if stream.paths.is_tcp:
                    line = line.replace(" RTP/SAVP", " TCP/RTP/SAVP")
        elif line.startswith(("a=candidate", "a=x-candidate", "a=rtcp:", "a=remote-candidates", "a=x-ssrc-range")):
            continue
        elif line.startswith("a=ice-ufrag"):
            line = f"a=ice-ufrag:{stream.ufrag}"
        elif line.startswith("a=ice-pwd"):
            line = f"a=ice-pwd:{stream.password}"
        elif line.startswith(("a=crypto", "a=cryptoscale")):
            line = _key_line(line, stream, keys, has_identifier)
        if line:
            lines.append(line)
    lines += stream.paths.candidates(address) + _numbers(stream)
    if concluded:
        pairs = " ".join(f"{component} {' '.join(map(str, stream.valid[component][:2]))}" for component in stream.components)
        lines.append(f"a=remote-candidates:{pairs} ")
    return "\n".join(lines) + "\n"


def _key_line(line, stream, keys, has_identifier):
    line = re.sub(r"inline:[A-Za-z0-9+/=]+", f"inline:{stream.key}", line)
    if keys == "mki" and not re.search(r"\|\d+:\d+\s*$", line):
        if has_identifier:
            return None
        line += "|1:1"
    identifier = re.search(r"^a=crypto:(\d+).*\|(\d+):(\d+)\s*$", line)
    if identifier:
        stream.mki_of_tag[int(identifier[1])] = int(identifier[2]).to_bytes(int(identifier[3]), "big")
    return line


def _numbers(stream):
    return [f"a=rtcp:{stream.ports[0 if stream.mux else 1]}",
            f"a=x-ssrc-range:{stream.ssrc}-{stream.ssrc + (99 if stream.kind == 'video' else 0)}"]


def answer(offered, address, streams):
    """As a client of 2013 answers the gateway's offer: its order, one codec each, the key of the line that it took."""
    out = [f"v=0\no=- 0 0 IN IP4 {address}\ns=session\nc=IN IP4 {address}\nb=CT:99980\nt=0 0\n"]
    left = dict(streams)
    for section in read(offered):
        stream = left.pop(section.kind, None) if section.port else None
        chosen = _codecs(section)
        if stream is None or not chosen:
            out.append(f"m={section.kind} 0 RTP/SAVP\n")
            continue
        stream.payload_type = chosen[0]
        profile = "TCP/RTP/SAVP" if stream.paths.is_tcp else "RTP/SAVP"
        lines = [f"m={section.kind} {stream.ports[0]} {profile} {' '.join(map(str, chosen))}", f"a=label:main-{section.kind}",
                 f"a=ice-ufrag:{stream.ufrag}", f"a=ice-pwd:{stream.password}", *stream.paths.candidates(address),
                 f"a=crypto:{section.tag} {srtp.SUITE} inline:{stream.key}|2^31", *_numbers(stream),
                 *[f"a=rtpmap:{number} {section.names[number]}" for number in chosen if number in section.names],
                 "a=encryption:required"]
        if stream.kind == "video":
            lines += [f"a=fmtp:{chosen[0]} packetization-mode=1;mst-mode=NI-TC",
                      "a=rtcp-fb:* x-message app send:src,x-pli recv:src,x-pli", "a=rtcp-rsize"]
        out.append("\n".join(lines) + "\n")
    return "".join(out).replace("\n", "\r\n")


def _codecs(section):
    """The first that a client of ours can send, and telephone events."""
    names = {0: "PCMU/8000", 8: "PCMA/8000"} | section.names
    wanted = ("pcmu/8000", "pcma/8000") if section.kind == "audio" else ("x-h264uc/90000",)
    found = [number for name in wanted for number in section.formats if names.get(number, "").lower() == name]
    events = [number for number in section.formats if names.get(number, "").lower() == "telephone-event/8000"]
    return found[:1] + events[:1] if found else []


def multipart(*descriptions, boundary=BOUNDARY, fallback=True):
    """(type, body) of multipart/alternative; the first part is the older clients' one unless fallback is off."""
    parts = []
    for number, description in enumerate(descriptions):
        mark = "; ms-proxy-2007fallback" if fallback and number == 0 and len(descriptions) > 1 else ""
        parts.append(f"--{boundary}\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: 7bit\r\n"
                     f"Content-ID: <{number}@ms.example.com>\r\nContent-Disposition: session; handling=optional{mark}\r\n\r\n"
                     f"{description}\r\n")
    return f'multipart/alternative;boundary="{boundary}"', "".join(parts) + f"--{boundary}--\r\n"


def stub(address):
    return f"o=- 0 0 IN IP4 {address}\r\ns=session\r\nc=IN IP4 {address}\r\nm=audio 0 RTP/AVP\r\n"


@dataclasses.dataclass
class Section:
    """What an answer says of one stream."""
    kind: str
    port: int
    formats: list          # payload types, in order
    names: dict            # payload type -> "PCMU/8000"
    ufrag: str
    password: str
    protocol: str
    candidates: dict       # component -> (address, port)
    tcp_candidates: dict   # ACT, PASS -> the same
    key: str               # base64
    mki: bytes
    tag: int
    mux: bool


def read(description):
    """Sections of a description, in order."""
    out = []
    for section in re.split(r"(?m)^(?=m=)", description.replace("\r\n", "\n"))[1:]:
        kind, port, protocol, formats = re.match(r"m=(\S+) (\d+) (\S+)(.*)", section).groups()
        crypto = re.search(rf"(?m)^a=crypto:(\d+) {srtp.SUITE} inline:([A-Za-z0-9+/=]+)(?:\|[^|\s]*)?(?:\|(\d+):(\d+))?", section)
        candidates = {name: {int(component): (host, int(at)) for component, host, at in
                             re.findall(rf"(?mi)^a=candidate:\S+ (\d) {name} \d+ (\S+) (\d+)", section)}
                      for name in ("UDP", "TCP-ACT", "TCP-PASS")}

        def value(name):
            found = re.search(rf"(?m)^a={name}: ?(\S+)", section)
            return found[1] if found else ""

        mki = int(crypto[3]).to_bytes(int(crypto[4]), "big") if crypto and crypto[3] else b""
        out.append(Section(kind, int(port), [int(one) for one in formats.split() if one.isdigit()],
                           {int(number): name for number, name in re.findall(r"(?m)^a=rtpmap:(\d+) (\S+)", section)},
                           value("ice-ufrag"), value("ice-pwd"), protocol, candidates["UDP"],
                           {name: candidates[f"TCP-{name}"] for name in ("ACT", "PASS")}, crypto[2] if crypto else "", mki,
                           int(crypto[1]) if crypto else 0, bool(re.search(r"(?m)^a=rtcp-mux\s*$", section))))
    return out
