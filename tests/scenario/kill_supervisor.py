#!/usr/bin/env python3
"""kill -9 of the supervisor in the middle of a call: both planes end with it, and the next start cleans up what they left and
carries a call again. What the data plane has done to the kernel is looked at before and after."""
import json
import os
import pathlib
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 5.0


def alive(pids):
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}/exe")]


def xdp_programs(lab):
    """Interfaces of the gateway that bear one."""
    links = json.loads(netns.output(lab.names["gateway"], ["ip", "-json", "-details", "link"]))
    return sorted(link["ifname"] for link in links if link.get("xdp"))


def answers_unreachable(lab, port):
    """Whether the gateway's kernel says port unreachable (ICMP) for a datagram to it."""
    with netns.udp_socket(lab.names["left"], (netns.LEFT.peer, 0), (netns.LEFT.gateway, port)) as probe:
        probe.settimeout(1)
        probe.send(b"?")
        try:
            probe.recv(1)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False


def check_kernel(run, lab, when):
    run.check(xdp_programs(lab) == ["left", "right"], f"{when}: XDP programs are on {xdp_programs(lab)}")
    reserved = netns.output(lab.names["gateway"], ["cat", "/proc/sys/net/ipv4/ip_local_reserved_ports"]).strip()
    run.check("56000-57000" in reserved.split(","), f"{when}: the kernel may give away media ports, reserved are {reserved!r}")
    run.check(not answers_unreachable(lab, 56998), f"{when}: port unreachable for a media port that rests")
    run.check(answers_unreachable(lab, 40000), f"{when}: no port unreachable for a port of nobody's")


def main(run):
    with netns.Lab("ks") as lab:
        across_kill(run, lab)
        run.check(xdp_programs(lab) == [], f"after the end XDP programs are on {xdp_programs(lab)}")


def across_kill(run, lab):
    with gateway.Running(lab, run, run.folder, "af_xdp") as running:
        check_kernel(run, lab, "at first")
        left, right = place_call.endpoints(lab, run.folder / "first", run.media)
        right.start()
        left.start()
        left.dial(f"sip:right@{netns.LEFT.gateway}:5060")
        left.wait_established()
        planes = gateway.descendants(running.process.pid)
        run.check(len(planes) >= 2, f"the supervisor has {len(planes)} processes below it")
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        netns.wait_until(lambda: not alive(planes), 10, "end of the planes after their supervisor's")
        for endpoint in (left, right):
            endpoint.stop()
        run.say(f"left over: XDP programs on {', '.join(xdp_programs(lab)) or 'no interface'}")
        running.start()
        run.say("started again")
        check_kernel(run, lab, "started again")
        outcome = place_call.place(lab, running.rest, run.folder / "second", run.media, CALL_S, "af_xdp", say=run.say)
        run.complain(outcome.complaints)


if __name__ == "__main__":
    scenario.main(main)
