#!/usr/bin/env python3
"""Media over TCP (RFC 4571, R80): our own Microsoft client names TCP candidates alone, listens, dials, or does both, and calls baresip in
sound and pictures, judged as any other call; tshark reads the frames. Strangers at the media port, frames that are none and a client that
reads nothing cost nobody else anything."""
import pathlib
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, ms_call, netns, scenario, tcp_call  # noqa: E402  (the path comes first)

CALLS = {
    "af_packet": {"both": ms_call.Manner(transport="tcp", layers=2, prefixes=True),
                  "dials": ms_call.Manner(transport="tcp-act", keys="mki", form="rfc"),
                  "listens": ms_call.Manner(transport="tcp-pass", release="2016", aggregates=True)},
    "af_xdp": {"both": ms_call.Manner(transport="tcp", release="2010")},
    "socket": {"both": ms_call.Manner(transport="tcp")},
}


def check_call(run, name, call):
    for stream in call.left.streams.values():
        run.check(stream.section.protocol == "TCP/RTP/SAVP", f"{name}: {stream.kind} is answered as {stream.section.protocol}")
        run.check(not stream.section.candidates, f"{name}: {stream.kind} has UDP candidates")
    tcp_call.check_connections(run, name, call)


def strangers(lab):
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


def reads_nothing(run, running):
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


def bad_company(run, lab, running):
    before = running.rest.counters()
    _, _, complaints = tcp_call.place(run, lab, running, run.folder / "strangers", ms_call.Manner(transport="tcp"), strangers(lab))
    after = running.rest.counters()
    run.complain([f"beside strangers: {sentence}" for sentence in complaints])
    counted = {key: after[key] - before[key] for key in after if "tcp_" in key and after[key] != before[key]}
    run.say(f"beside strangers: {counted}")
    run.check(counted.get("drop_tcp_unconfirmed", 0) > 0 and counted.get("drop_tcp_oversize", 0) > 0
              and counted.get("tcp_unconfirmed", 0) > 20, f"strangers are not counted: {counted}")
    tcp_call.place(run, lab, running, run.folder / "slow", ms_call.Manner(transport="tcp"), reads_nothing(run, running))
    run.say(f"a client that reads nothing: {running.rest.counters()['drop_tcp_slow_receiver']} packets dropped")


def main(run):
    for mode, calls in CALLS.items():
        with netns.Lab("tcpm") as lab, gateway.Running(lab, run, run.folder / mode, mode, **tcp_call.MICROSOFT) as running:
            tcp_call.place_all(run, lab, running, mode, calls, check_call)
            if mode == "af_packet":
                bad_company(run, lab, running)
            gateway.wait_until_nothing_left(run, running, 15)


if __name__ == "__main__":
    scenario.main(main)
