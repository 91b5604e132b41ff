"""Places a call through a running gateway between two baresips, left to right or back, and judges it."""
import dataclasses
import time

from . import baresip, capture, gateway, judge_call, netns

PICTURES = 4


@dataclasses.dataclass
class Outcome:
    rows: list         # one for each kind and direction, see judge_call
    complaints: list   # empty: the call was right
    call: dict         # what REST said of it while it was up


def endpoints(lab, folder, media, left="srtp-mand", right="none", left_transport="tcp", right_transport="udp",
              certificates=None, left_over_v6=False):
    """The two parties, not started yet. left_over_v6: left has IPv6 alone. certificates: gateway.certificates(), for those with transport tls."""
    own = certificates or {"left": None, "right": None}
    return (baresip.Baresip(lab, "left", folder / "left", media, netns.LEFT.peer6 if left_over_v6 else netns.LEFT.peer,
                            left_transport, left,
                            certificate=own["left"]),
            baresip.Baresip(lab, "right", folder / "right", media, netns.RIGHT.peer, right_transport, right,
                            certificate=own["right"]))


def faced(endpoint):
    """The gateway's address on its side, of its family."""
    side = {"left": netns.LEFT, "right": netns.RIGHT}[endpoint.place]
    return side.gateway6 if ":" in endpoint.address else side.gateway


class Captures:
    """At both endpoints, and at both of the gateway's interfaces behind XDP: what the kernel there still gets to see."""

    def __init__(self, lab, folder, filter_=capture.ALL, at_gateway=True):
        self._at = {place: capture.Capture(lab, place, "eth0", folder / f"{place}.pcap", filter_) for place in ("left", "right")}
        self._kernel = {side.name: capture.Capture(lab, "gateway", side.name, folder / f"kernel-{side.name}.pcap",
                                                   f"udp portrange {capture.POOL_PORTS[0]}-{capture.POOL_PORTS[1]} and "
                                                   f"(host {side.gateway} or host {side.gateway6})")
                        for side in (netns.SIDES if at_gateway else ())}

    def stop(self):
        # dumpcap hands on what it has every 250 ms, and what it still holds at its end is lost.
        time.sleep(capture.FLUSH_S)
        self.files = {place: one.stop() for place, one in self._at.items()}
        self.kernel_files = {name: one.stop() for name, one in self._kernel.items()}

    def seen_by_kernel(self):
        """Media packets that the gateway's kernel saw: none in af_xdp mode."""
        return sum(len(capture.read(path)) for path in self.kernel_files.values())


def parties(lab, left, right, pictures, captures, keys=("left",)):
    """For judge_call: keys names the sides whose leg is encrypted."""
    return [judge_call.Party(endpoint.place, endpoint.address, faced(endpoint), pictures[endpoint.place],
                             endpoint.recording(), capture.read(captures.files[endpoint.place]),
                             judge_call.keys_from(captures.files[endpoint.place], faced(endpoint))
                             if endpoint.place in keys else {})
            for endpoint in (left, right)]


def place(lab, rest, folder, media, seconds, io_mode, say=lambda sentence: None, each_second=lambda call: None,
          during=None, capture_filter=capture.ALL, gateway_captures=True, caller="left", certificates=None, **kinds):
    """One call of so many seconds, judged. during(left, right): something to do in the middle of it. capture_filter: what the
    judges get to see. gateway_captures: whether the gateway's interfaces are of this lab. certificates: see endpoints()."""
    left, right = endpoints(lab, folder, media, certificates=certificates, **kinds)
    calling, called = (left, right) if caller == "left" else (right, left)
    faces = faced(calling)
    captures = Captures(lab, folder, capture_filter, gateway_captures)
    newest = {}
    try:
        right.start()
        left.start()
        say("left (SDES-SRTP, TCP) calls right (RTP, UDP)" if not kinds else f"{caller} calls {called.place} ({kinds})")
        port = gateway.TLS_PORTS[caller] if calling.transport == "tls" else 5060
        host = f"[{faces}]" if ":" in faces else faces
        calling.dial(f"sip:{called.user}@{host}:{port}")
        left.wait_established()
        right.wait_established()
        began = time.monotonic()
        pictures = {"left": [], "right": []}
        taken = 0
        while (elapsed := time.monotonic() - began) < seconds:
            if taken < PICTURES and elapsed >= (taken + 1) * seconds / (PICTURES + 1):
                taken += 1
                for endpoint in (left, right):
                    pictures[endpoint.place].append(endpoint.picture())
                if during is not None and taken == 1:
                    during(left, right)
            time.sleep(min(0.2, seconds / 20))
            if int(time.monotonic() - began) > int(elapsed):
                newest = shown(rest) or newest
                each_second(newest)
        calling.hang_up()
        seconds = time.monotonic() - began
        netns.wait_until(lambda: not called.in_call(), 5, f"end of the call at {called.place} after {caller} hung up")
    finally:
        left.stop()
        right.stop()
        captures.stop()
    say("judging what each side received")
    rows, complaints = judge_call.judge(
        parties(lab, left, right, pictures, captures, [one for one, kind in (("left", kinds.get("left", "srtp-mand")),
                                                                            ("right", kinds.get("right", "none")))
                                                       if kind != "none"]), seconds, media,
        capture.answered_at(captures.files[caller], faces))
    seen = captures.seen_by_kernel()
    if io_mode in ("af_xdp", "pci") and seen:
        complaints.append(f"the gateway's kernel saw {seen} media packets: they did not all go by {io_mode}")
    return Outcome(rows, complaints, newest)


def shown(rest):
    """The newest call as REST shows it, or nothing while it can't be had."""
    try:
        calls = rest.value("/api/v1/calls")["items"]
        return rest.value(f"/api/v1/calls/{calls[-1]['id']}") if calls else {}
    except (OSError, RuntimeError):
        return {}


def figures(call):
    """One line of a call's figures: what came from one party and went to the other, each stream both ways."""
    parts = []
    for stream in call.get("streams", []):
        legs = [leg["figures"] for leg in stream["legs"]]
        if None in legs:
            continue
        for came, went, arrow in ((legs[0], legs[1], "->"), (legs[1], legs[0], "<-")):
            parts.append(f"{stream['kind']} {arrow} {came['packets_received']:5d} in {went['packets_sent']:5d} out "
                         f"{came['lost']} lost {came['jitter_ms']:.1f} ms")
    return " | ".join(parts) or "no figures yet"
