"""A judged call with media over TCP (RFC 4571, R80), of our own Microsoft client with baresip: what of it went over which transport."""
import time

from . import capture, gateway, judge_framing, ms_call, netns

CALL_S = 4.0
POOLS = f"portrange {capture.POOL_PORTS[0]}-{capture.POOL_PORTS[1]}"
MICROSOFT = {"left_transport": "tls", "left_dialect": "microsoft", "left_domain": "ms.example.com", "client_certificate": "required"}


def place(run, lab, running, folder, manner, during=None, ringing=None):
    """One judged call; the capture at the client has its media alone. `during`, given the call, takes the place of its first seconds;
    `ringing` is there while the client rings, and once more when the call is up."""
    wire = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        wire = capture.Capture(lab, "left", "eth0", folder / "left.pcap", f"tcp {POOLS} or udp {POOLS}")
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


def check_ports(run, name, call):
    """R373: of the transport in use alone, RTP and RTCP of both streams."""
    udp = call.manner.transport == "udp"
    run.check(call.use == ({"udp": 4, "tcp": 0} if udp else {"udp": 0, "tcp": 4}), f"{name}: ports in use at the left: {call.use}")


def check_connections(run, name, call):
    """Of a call over TCP."""
    for stream in call.left.streams.values():
        connections = len(stream.paths.dialled) + len(stream.paths.accepted)
        wanted = {"tcp": (1, 2), "tcp-act": (1,), "tcp-pass": (1,)}[call.manner.transport]
        run.check(connections in wanted, f"{name}: {connections} connections of {stream.kind}")


def place_all(run, lab, running, mode, manners, check, ringing=lambda: None):
    """The calls {name: Manner} of one io mode, each given to check(run, name, call) as well."""
    for name, manner in manners.items():
        name = f"{mode}, {name}"
        call, rows, complaints = place(run, lab, running, run.folder / mode / manner.transport, manner, ringing=ringing())
        for row in rows:
            run.say(f"{name}: {row}")
        run.complain([f"{name}: {sentence}" for sentence in complaints])
        check_ports(run, name, call)
        check(run, name, call)
