"""Three namespaces, left - gateway - right, joined by two veth pairs; made for one run and taken away after it."""
import os
import subprocess

from bench.harness.cpu import kernel_threads

LEFT_GATEWAY, LEFT_PEER = "192.0.2.1", "192.0.2.2"
RIGHT_GATEWAY, RIGHT_PEER = "198.51.100.1", "198.51.100.2"


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


class Network:
    """with Network() as net: net.popen("gateway", [...]) starts a program in one of the namespaces."""

    def __init__(self):
        prefix = f"ib{os.getpid() % 100000}"
        self.names = {place: f"{prefix}-{place}" for place in ("left", "gateway", "right")}
        self.processes = []

    def __enter__(self):
        for name in self.names.values():
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        self._join("left", LEFT_PEER, LEFT_GATEWAY)
        self._join("right", RIGHT_PEER, RIGHT_GATEWAY)
        return self

    def _join(self, side, peer, gateway):
        ip("link", "add", "peer0", "netns", self.names[side], "type", "veth", "peer", "name", side, "netns",
           self.names["gateway"])
        for place, device, address in ((side, "peer0", peer), ("gateway", side, gateway)):
            ip("-n", self.names[place], "address", "add", f"{address}/24", "dev", device)
            ip("-n", self.names[place], "link", "set", device, "up")
        ip("-n", self.names[side], "route", "add", "default", "via", gateway)
        # Local senders leave checksums to hardware that a veth does not have; rivals that verify them would drop everything.
        subprocess.run(["ip", "netns", "exec", self.names[side], "ethtool", "-K", "peer0", "tx", "off"], check=True,
                       capture_output=True)

    def softirq_to(self, cpu):
        """Moves what the kernel does with packets that come to the gateway into threads on one CPU, where the scheduler counts it
        and whoever relays pays for it. GRO switches the veth's NAPI on; without it the sender's CPU would do the work for free."""
        for side in ("left", "right"):
            self.run("gateway", ["ethtool", "-K", side, "gro", "on"])
            self.run("gateway", ["sh", "-c", f"echo 1 > /sys/class/net/{side}/threaded"])
        threads = kernel_threads("napi/left", "napi/right")
        for thread in threads:
            os.sched_setaffinity(thread, {cpu})
            # As interrupts do: a thread of ordinary priority would wait for a relay's time slice while the veth's ring runs over.
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))
        return threads

    def command(self, place, arguments, cpu=None):
        pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
        return ["ip", "netns", "exec", self.names[place], *pin, *arguments]

    def popen(self, place, arguments, cpu=None, **options):
        process = subprocess.Popen(self.command(place, arguments, cpu), **options)
        self.processes.append(process)
        return process

    def run(self, place, arguments, cpu=None, **options):
        return subprocess.run(self.command(place, arguments, cpu), check=True, text=True, capture_output=True, **options)

    def stop(self, process, seconds=10):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.stop(process)
        for name in self.names.values():
            ip("netns", "delete", name, check=False)
