#!/usr/bin/env python3
"""io mode pci with a virtual device in place of a NIC: the data plane has each wire for itself, the kernel has a TAP twin with the
addresses. While an audio and video call is judged, ARP, ND, ping (also of full size), SIP and a bulk TCP transfer of 1 GB go on on
the same addresses; after kill -9 of the data plane the twins, their addresses and a TCP connection are still there."""
import hashlib
import pathlib
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 14.0
BULK_BYTES_A_SECOND = 80_000_000  # leaves the endpoints of the call some of the machine
BULK_SECONDS = 12.5               # 1 GB, about as long as the call
SANITIZED = 4                     # so much slower, as such a data plane is itself
SO_MAX_PACING_RATE = 47           # asm-generic/socket.h; the module socket does not name it
BULK_S = 60.0
BULK_PORT, ECHO_PORT = 9000, 9001
FULL_PING_BYTES = 1472  # and 28 of headers: an MTU of 1500


def take_wires(lab):
    """The gateway's interfaces become wires without addresses, of which the kernel hears nothing, and TAP interfaces get theirs."""
    def inside(*arguments):
        netns.ip(*arguments, namespace=lab.names["gateway"])

    for side in netns.SIDES:
        wire = f"wire-{side.name}"
        inside("link", "set", side.name, "down")
        inside("address", "flush", "dev", side.name)
        inside("link", "set", side.name, "name", wire)
        netns.output(lab.names["gateway"], ["sysctl", "-q", "-w", f"net.ipv6.conf.{wire}.disable_ipv6=1"])
        inside("link", "set", wire, "up")
        netns.output(lab.names["gateway"], ["nft", f"table netdev {wire} {{ chain ingress {{ type filter hook ingress device "
                                                   f"\"{wire}\" priority 0; drop; }}; }}"])
        inside("tuntap", "add", "dev", side.name, "mode", "tap")
        inside("address", "add", f"{side.gateway}/24", "dev", side.name)
        inside("address", "add", f"{side.gateway6}/64", "dev", side.name, "nodad")
        inside("link", "set", side.name, "up")
        # A NIC gets whole frames with whole checksums; a veth peer would leave both to "hardware".
        netns.output(lab.names[side.name], ["ethtool", "-K", "eth0", "tx", "off", "gso", "off", "tso", "off", "gro", "off"])


class Served:
    """In the gateway's namespace: a sink for the bulk transfer and an echo for the connection that is to live on."""

    def __init__(self, lab):
        namespace, address = lab.names["gateway"], netns.LEFT.gateway
        self._bulk = netns.tcp_listener(namespace, (address, BULK_PORT))
        self._echo = netns.tcp_listener(namespace, (address, ECHO_PORT))
        self.digest, self.received = hashlib.blake2b(), 0
        for serve in (self._sink, self._mirror):
            threading.Thread(target=serve, daemon=True).start()

    def _sink(self):
        peer, _ = self._bulk.accept()
        with peer:
            while chunk := peer.recv(1 << 18):
                self.digest.update(chunk)
                self.received += len(chunk)

    def _mirror(self):
        peer, _ = self._echo.accept()
        with peer:
            while chunk := peer.recv(64):
                peer.sendall(chunk)


def bulk(lab, rate, result):
    """rate, in bytes a second, for BULK_SECONDS: from left to the gateway's own address; what was sent is compared with what came."""
    block, digest, began = bytes(range(256)) * 4096, hashlib.blake2b(), time.monotonic()
    with netns.connect(lab.names["left"], netns.LEFT.gateway, BULK_PORT) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
        sent = 0
        while sent < rate * BULK_SECONDS and time.monotonic() - began < BULK_S:
            sock.sendall(block)
            digest.update(block)
            sent += len(block)
        sock.shutdown(socket.SHUT_WR)
    result.update(sent=sent, digest=digest.hexdigest(), seconds=time.monotonic() - began)


def pings(run, lab, when):
    for arguments, what in ((["-4", "-c", "5", "-i", "0.1", netns.LEFT.gateway], "ping"),
                            (["-6", "-c", "5", "-i", "0.1", netns.LEFT.gateway6], "ping over IPv6"),
                            (["-4", "-c", "3", "-i", "0.1", "-s", FULL_PING_BYTES, "-M", "do", netns.LEFT.gateway],
                             "ping of full size")):
        done = subprocess.run(netns.command(lab.names["left"], ["ping", "-q", "-W", "3", *arguments]), capture_output=True,
                              text=True, check=False)
        run.check(" 0% packet loss" in done.stdout, f"{what} {when}: {done.stdout.strip().splitlines()[-2:]}")


def neighbours(run, lab):
    """What left knows of the gateway came by ARP and ND through the device."""
    for family, address in (("-4", netns.LEFT.gateway), ("-6", netns.LEFT.gateway6)):
        known = netns.ip(family, "neigh", "show", address, namespace=lab.names["left"]).stdout
        run.check("lladdr" in known, f"left does not know the neighbour {address}: {known!r}")


def echoes(sock, text):
    sock.sendall(text)
    return sock.recv(64) == text


def main(run):
    with netns.Lab("pm") as lab:
        take_wires(lab)
        devices = {f"{side.name}_device": f"net_af_packet{n},iface=wire-{side.name},qpairs=1,blocksz=65536,framesz=2048,"
                                          "framecnt=4096" for n, side in enumerate(netns.SIDES)}
        with gateway.Running(lab, run, run.folder, "pci", **devices) as running:
            pings(run, lab, "before the call")
            neighbours(run, lab)
            served, result = Served(lab), {}
            long_lived = netns.connect(lab.names["left"], netns.LEFT.gateway, ECHO_PORT)
            rate = BULK_BYTES_A_SECOND // (SANITIZED if run.sanitized else 1)
            transfer = threading.Thread(target=bulk, args=(lab, rate, result))

            def during(*_):
                transfer.start()
                pings(run, lab, "during the call")

            outcome = place_call.place(lab, running.rest, run.folder, run.media, CALL_S, "pci", say=run.say, during=during)
            for row in outcome.rows:
                run.say(str(row))
            run.complain(outcome.complaints)
            transfer.join(BULK_S)
            netns.wait_until(lambda: served.received == result.get("sent"), 10, "arrival of the whole transfer")
            run.check(result["sent"] >= rate * BULK_SECONDS and served.digest.hexdigest() == result["digest"],
                      f"of the transfer {served.received} of {rate * BULK_SECONDS:.0f} bytes came whole")
            run.say(f"bulk TCP: {served.received} bytes in {result['seconds']:.1f} s beside the call")
            run.check(echoes(long_lived, b"before"), "the long-lived connection is dead")
            running.kill("isthmus-dataplane")
            netns.wait_until(running.rest.ready, 10, "return of the data plane")
            long_lived.settimeout(10)
            run.check(echoes(long_lived, b"after"), "the connection did not outlive the data plane")
            pings(run, lab, "after kill -9 of the data plane")


if __name__ == "__main__":
    scenario.main(main)
