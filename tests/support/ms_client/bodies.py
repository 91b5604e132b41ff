"""Session descriptions and bodies of several releases: the samples of tests/data/sdp with addresses, ports and keys of a call."""
import dataclasses
import pathlib
import re

from . import srtp

_SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "data/sdp"
RELEASES = {"2010": "lync2010-offer.sdp", "2013": "lync2013-offer.sdp", "2016": "lync2016-offer.sdp", "sipe": "sipe-offer.sdp"}
BOUNDARY = "----=_NextPart_000_0001_01EXAMPLE"


def offer(release, address, streams):
    """streams: {"audio": Stream, "video": Stream} of client.py, whose ports, keys and passwords take the sample's place. Sections
    without one are refused in place."""
    sections = re.split(r"(?m)^(?=m=)", (_SAMPLES / RELEASES[release]).read_text().replace("\r\n", "\n"))
    found = re.search(r"(?m)^c=IN IP4 (\S+)", sections[0])
    out = [sections[0].replace(found[1], address) if found else sections[0]]
    left = dict(streams)
    for section in sections[1:]:
        kind, port = re.match(r"m=(\S+) (\d+)", section).groups()
        stream = left.pop(kind, None) if port != "0" else None
        out.append(_section(section, address, stream) if stream else re.sub(r"^m=(\S+) \d+ (\S+) (\d+).*(?s:.*)", r"m=\1 0 \2 \3\n", section))
    return "".join(out).replace("\n", "\r\n")


def _section(text, address, stream):
    lines = []
    for line in text.strip().split("\n"):
        if line.startswith("m="):
            line = re.sub(r"^m=(\S+) \d+", rf"m=\1 {stream.ports[0]}", line)
        elif line.startswith(("a=candidate", "a=x-candidate", "a=rtcp:", "a=rtcp-mux", "a=remote-candidates", "a=x-ssrc-range")):
            continue
        elif line.startswith("a=ice-ufrag"):
            line = f"a=ice-ufrag:{stream.ufrag}"
        elif line.startswith("a=ice-pwd"):
            line = f"a=ice-pwd:{stream.password}"
        elif line.startswith(("a=crypto", "a=cryptoscale")):
            line = re.sub(r"inline:[A-Za-z0-9+/=]+", f"inline:{stream.key}", line)
        lines.append(line)
    lines += [f"a=candidate:1 {component} UDP {2130706431 - 513 * (component - 1)} {address} {stream.ports[component - 1]} typ host "
              for component in (1, 2)]
    lines += [f"a=rtcp:{stream.ports[1]}", f"a=x-ssrc-range:{stream.ssrc}-{stream.ssrc + (99 if stream.kind == 'video' else 0)}"]
    return "\n".join(lines) + "\n"


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
    candidates: dict       # component -> (address, port)
    key: str               # base64
    mki: bytes
    tag: int


def read(description):
    """Sections of a description, in order."""
    out = []
    for section in re.split(r"(?m)^(?=m=)", description.replace("\r\n", "\n"))[1:]:
        kind, port, _, formats = re.match(r"m=(\S+) (\d+) (\S+)(.*)", section).groups()
        crypto = re.search(rf"(?m)^a=crypto:(\d+) {srtp.SUITE} inline:([A-Za-z0-9+/=]+)(?:\|[^|\s]*)?(?:\|(\d+):(\d+))?", section)
        candidates = {int(component): (host, int(at)) for component, host, at in
                      re.findall(r"(?mi)^a=candidate:\S+ (\d) UDP \d+ (\S+) (\d+)", section)}

        def value(name):
            found = re.search(rf"(?m)^a={name}: ?(\S+)", section)
            return found[1] if found else ""

        mki = int(crypto[3]).to_bytes(int(crypto[4]), "big") if crypto and crypto[3] else b""
        out.append(Section(kind, int(port), [int(one) for one in formats.split() if one.isdigit()],
                           {int(number): name for number, name in re.findall(r"(?m)^a=rtpmap:(\d+) (\S+)", section)},
                           value("ice-ufrag"), value("ice-pwd"), candidates, crypto[2] if crypto else "", mki,
                           int(crypto[1]) if crypto else 0))
    return out
