#!/usr/bin/env python3
"""Media over TCP (RFC 4571, R80): our own Microsoft client names TCP candidates alone, listens, dials, or does both, and calls baresip in
sound and pictures, or is called by it, judged as any other call; tshark reads the frames. A client that is called and has UDP gets UDP, and
the ports over TCP go back at once. Strangers at the media port, frames that are none and a client that reads nothing cost nobody else
anything."""
import pathlib
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import capture, gateway, judge_framing, ms_call, netns, scenario  # noqa: E402  (the path comes first)
from tests.support.ms_client import bodies  # noqa: E402

CALL_S = 4.0
CALLS = {
    "af_packet": {"both": ms_call.Manner(transport="tcp", layers=2, prefixes=True),
                  "dials": ms_call.Manner(transport="tcp-act", keys="mki", form="rfc"),
                  "listens": ms_call.Manner(transport="tcp-pass", release="2016", aggregates=True),
                  "called, both": ms_call.Manner(caller="right", transport="tcp", layers=2, prefixes=True),
                  "called, dials": ms_call.Manner(caller="right", transport="tcp-act", form="rfc"),
                  "called, listens": ms_call.Manner(caller="right", transport="tcp-pass", aggregates=True),
                  "called, has UDP": ms_call.Manner(caller="right")},
    "af_xdp": {"both": ms_call.Manner(transport="tcp", release="2010"), "called": ms_call.Manner(caller="right", transport="tcp")},
    "socket": {"both": ms_call.Manner(transport="tcp"), "called": ms_call.Manner(caller="right", transport="tcp")},
}
POOLS = f"portrange {capture.POOL_PORTS[0]}-{capture.POOL_PORTS[1]}"
MICROSOFT = {"left_transport": "tls", "left_dialect": "microsoft", "left_domain": "ms.example.com", "client_certificate": "required"}


def place(run, lab, running, folder, manner, during=None):
    """One judged call; the capture at the client has its media alone."""
    wire = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        wire = capture.Capture(lab, "left", "eth0", folder / "left.pcap", f"tcp {POOLS} or udp {POOLS}")
        ringing = Ringing(run, lab, running) if manner.caller == "right" else None
        with ms_call.Call(lab, folder / "call", run.media, gateway.certificates(running.run), manner, ringing=ringing) as call:
            if ringing:
                ringing.check_early(manner)
            if during:
                during(call)
                time.sleep(CALL_S)
            else:
                call.run(CALL_S)
            use = ports_in_use(running)
            seconds = call.finish()
            call.use = use
    finally:
        if wire:
            time.sleep(capture.FLUSH_S)
            wire.stop()
    rows, complaints = ms_call.judge(call, seconds)
    framing, wrong = judge_framing.judge(wire.path, netns.LEFT.gateway, getattr(call, "strangers", ()))
    if manner.transport == "udp":
        wrong += [f"{row['connection']}: RTP over TCP" for row in framing if row["rtp"]]
    else:
        wrong += judge_carrier(wire.path, call, framing)
    return call, rows + framing, complaints + wrong


def ports_in_use(running):
    """At the left, by protocol."""
    return {pool["protocol"]: pool["in_use"] for pool in running.rest.value("/api/v1/status")["data_plane"]["pools"]
            if pool["network"] == "left" and pool["address"] == netns.LEFT.gateway}


def judge_carrier(path, call, framing):
    """Media of both directions went over TCP, all of what the client sent, and nothing over UDP."""
    datagrams = [packet for packet in capture.read(path) if netns.LEFT.peer in (packet.source, packet.target)]
    complaints = [f"{len(datagrams)} datagrams to or from the client's media ports"] if datagrams else []
    for direction, start, wanted in (("to us", netns.LEFT.peer, sum(len(stream.sent) for stream in call.left.streams.values())),
                                     ("to the client", netns.LEFT.gateway,
                                      sum(len(stream.received) for stream in call.left.streams.values()))):
        went = sum(row["rtp"] for row in framing if row["connection"].startswith(f"{start}:"))
        if went < wanted or not wanted:
            complaints.append(f"{went} RTP packets {direction} over TCP, {wanted} went")
    return complaints


class Ringing:
    """What is there between our offer and the client's answer: both kinds of candidates and of ports. Somebody who connects waits, and is
    heard when TCP is chosen, or cut off when it is not."""

    def __init__(self, run, lab, running):
        self.run, self.lab, self.running, self.early = run, lab, running, []

    def __call__(self, sections):
        use = ports_in_use(self.running)
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
    called, udp = call.manner.caller == "right", call.manner.transport == "udp"
    run.check(call.use == ({"udp": 4, "tcp": 0} if udp else {"udp": 0, "tcp": 4}), f"{name}: ports in use at the left: {call.use}")  # R373
    if called:  # controlling, we say in a second offer what was chosen
        sections = bodies.read(call.left.call.last_offer)
        for section in sections:
            run.check(section.protocol == ("RTP/SAVP" if udp else "TCP/RTP/SAVP"), f"{name}: second offer of {section.kind} as {section.protocol}")
            run.check(bool(section.candidates) == udp and bool(section.tcp_candidates["PASS"]) != udp,
                      f"{name}: second offer of {section.kind}: {section.candidates}, {section.tcp_candidates}")
        run.check(len(sections) == 2, f"{name}: {len(sections)} sections in the second offer")
    if udp:
        return
    for stream in call.left.streams.values():
        if not called:
            run.check(stream.section.protocol == "TCP/RTP/SAVP", f"{name}: {stream.kind} is answered as {stream.section.protocol}")
            run.check(not stream.section.candidates, f"{name}: {stream.kind} has UDP candidates")
        connections = len(stream.paths.dialled) + len(stream.paths.accepted)
        wanted = {"tcp": (1, 2), "tcp-act": (1,), "tcp-pass": (1,)}[call.manner.transport]
        run.check(connections in wanted, f"{name}: {connections} connections of {stream.kind}")


def strangers(run, lab, running):
    """Beside a call: 40 connections to each of its ports, which say nothing, media, STUN that is not authentic, or nonsense."""
    def attack(call):
        call.strangers, made = [], []
        for stream in call.left.streams.values():
            port = stream.section.port
            for number in range(40):
                one = netns.connect(lab.names["left"], netns.LEFT.gateway, port)
                made.append(one)
                call.strangers.append(one.getsockname())
                said = {0: b"", 1: struct.pack(">H", 12) + b"\x80" + bytes(11), 2: struct.pack(">H", 20) + b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12),
                        3: b"\xff\xff" + bytes(40_000), 4: b"\0\0" * 500, 5: b"\0"}[number % 6]
                try:
                    one.sendall(said)
                except OSError:
                    continue  # pushed out by a later one
        call.held = made  # open until the end
    return attack


def reads_nothing(run, lab, running):
    """The client's picture connection stops reading for a while."""
    def stall(call):
        stream = call.left.video
        taken = stream.paths.receive
        stream.paths.receive = lambda seconds: (time.sleep(seconds), ())[1]
        for one in list(stream.paths._read):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deadline = time.monotonic() + 20
        while running.rest.counters()["drop_tcp_slow_receiver"] == 0 and time.monotonic() < deadline:
            time.sleep(0.2)
        run.check(running.rest.counters()["drop_tcp_slow_receiver"] > 0, "nothing was dropped for a client that reads nothing")
        stream.paths.receive = taken
    return stall


def main(run):
    for mode, calls in CALLS.items():
        with netns.Lab("tcpm") as lab, gateway.Running(lab, run, run.folder / mode, mode, **MICROSOFT) as running:
            for name, manner in calls.items():
                name = f"{mode}, {name}"
                call, rows, complaints = place(run, lab, running, run.folder / mode / f"{manner.caller}-{manner.transport}", manner)
                for row in rows:
                    run.say(f"{name}: {row}")
                run.complain([f"{name}: {sentence}" for sentence in complaints])
                check_call(run, name, call)
            if mode == "af_packet":
                before = running.rest.counters()
                call, rows, complaints = place(run, lab, running, run.folder / mode / "strangers", ms_call.Manner(transport="tcp"),
                                               strangers(run, lab, running))
                after = running.rest.counters()
                run.complain([f"beside strangers: {sentence}" for sentence in complaints])
                counted = {key: after[key] - before[key] for key in after if "tcp_" in key and after[key] != before[key]}
                run.say(f"beside strangers: {counted}")
                run.check(counted.get("drop_tcp_unconfirmed", 0) > 0 and counted.get("drop_tcp_oversize", 0) > 0
                          and counted.get("tcp_unconfirmed", 0) > 20, f"strangers are not counted: {counted}")
                place(run, lab, running, run.folder / mode / "slow", ms_call.Manner(transport="tcp"), reads_nothing(run, lab, running))
                run.say(f"a client that reads nothing: {running.rest.counters()['drop_tcp_slow_receiver']} packets dropped")
            gateway.wait_until_nothing_left(run, running, 15)


if __name__ == "__main__":
    scenario.main(main)
