#!/usr/bin/env python3
"""Media over TCP (RFC 4571, R80) where our own Microsoft client is called by baresip: the offer has both transports, the answer of a client
that names TCP candidates alone, listens, dials, or does both, chooses; judged as any other call. A client that has UDP gets UDP, and the
ports over TCP go back at once."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, ms_call, netns, scenario, tcp_call  # noqa: E402  (the path comes first)
from tests.support.ms_client import bodies  # noqa: E402

CALLS = {
    "af_packet": {"both": ms_call.Manner(caller="right", transport="tcp", layers=2, prefixes=True),
                  "dials": ms_call.Manner(caller="right", transport="tcp-act", form="rfc"),
                  "listens": ms_call.Manner(caller="right", transport="tcp-pass", aggregates=True),
                  "has UDP": ms_call.Manner(caller="right")},
    "af_xdp": {"both": ms_call.Manner(caller="right", transport="tcp")},
    "socket": {"both": ms_call.Manner(caller="right", transport="tcp")},
}


class Ringing:
    """What is there between our offer and the client's answer: both kinds of candidates and of ports. Somebody who connects waits, and is
    heard when TCP is chosen, or cut off when it is not."""

    def __init__(self, run, lab, running):
        self.run, self.lab, self.running, self.early = run, lab, running, []

    def __call__(self, sections):
        use = tcp_call.ports_in_use(self.running)
        self.run.check(use == {"udp": 4, "tcp": 4}, f"ports in use at the left before the answer: {use}")
        accepted = self.running.rest.counters()["tcp_accepted"]
        for section in sections:
            self.run.check(section.protocol in ("RTP/SAVP", "RTP/AVP"), f"{section.kind} is offered as {section.protocol}")
            self.run.check(set(section.candidates) == {1, 2}, f"{section.kind}: UDP candidates {section.candidates}")
            for kind, found in section.tcp_candidates.items():
                wanted = (netns.LEFT.gateway, section.port)
                self.run.check(set(found.values()) == {wanted}, f"{section.kind}: candidates TCP-{kind} {found}, not {wanted}")
            self.early.append(netns.connect(self.lab.names["left"], netns.LEFT.gateway, section.port))
        self.run.check(self.running.rest.counters()["tcp_accepted"] == accepted, "a connection was taken before the answer")

    def check_early(self, manner):
        """The call is up."""
        for one in self.early:
            one.settimeout(0.5)
            try:
                cut_off = one.recv(1) == b""
            except TimeoutError:
                cut_off = False
            except ConnectionError:
                cut_off = True
            self.run.check(cut_off == (manner.transport == "udp"), f"{manner.transport}: an early connection is cut off: {cut_off}")
            one.close()


def check_call(run, name, call):
    """Controlling, we say in a second offer what was chosen."""
    udp = call.manner.transport == "udp"
    sections = bodies.read(call.left.call.last_offer)
    for section in sections:
        run.check(section.protocol == ("RTP/SAVP" if udp else "TCP/RTP/SAVP"), f"{name}: second offer of {section.kind} as {section.protocol}")
        run.check(bool(section.candidates) == udp and bool(section.tcp_candidates["PASS"]) != udp,
                  f"{name}: second offer of {section.kind}: {section.candidates}, {section.tcp_candidates}")
    run.check(len(sections) == 2, f"{name}: {len(sections)} sections in the second offer")
    if not udp:
        tcp_call.check_connections(run, name, call)


def main(run):
    for mode, calls in CALLS.items():
        with netns.Lab("tcpd") as lab, gateway.Running(lab, run, run.folder / mode, mode, **tcp_call.MICROSOFT) as running:
            tcp_call.place_all(run, lab, running, mode, calls, check_call, lambda: Ringing(run, lab, running))
            gateway.wait_until_nothing_left(run, running, 15)


if __name__ == "__main__":
    scenario.main(main)
