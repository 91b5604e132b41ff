"""Packets through a relay on veth pairs: Isthmus (af_xdp), rtpengine and a bare socket forwarder, one pinned core each."""
import dataclasses
import json
import signal
import subprocess

from bench.harness import cpu
from bench.harness.net import Network
from bench.harness.rows import Row
from bench.relay.rivals import Forwarder, Isthmus, Rtpengine

GENERATOR_CPU, RELAY_CPU = 0, 1
CALLS = 50
SECONDS = 3
MAX_LOSS = 1e-4          # "loss-free" on a shared machine
FAIR_LOSS = 0.01         # a relay that loses more does less work a packet sent: such a round compares nothing


@dataclasses.dataclass(frozen=True)
class Load:
    """What the peers send, and what the figures have to reach."""
    name: str
    payload: int
    recrypt: bool            # SRTP on both sides (_80, then _32): opened and closed
    rate: int                # of the rows of CPU time
    ratio_limit: float
    rate_limit: float
    steps: tuple             # of offered load, for the highest without loss


PLAIN = Load("plain.160", 160, False, 100_000, 0.6, 1.5,
             (50_000, 75_000, 100_000, 150_000, 200_000, 250_000, 300_000, 400_000, 500_000))
RECRYPT_STEPS = (20_000, 30_000, 40_000, 50_000, 60_000, 80_000, 100_000, 125_000, 150_000, 200_000, 250_000, 300_000)
LOADS = (PLAIN, Load("recrypt.160", 160, True, 50_000, 0.4, 3, RECRYPT_STEPS),
         Load("recrypt.1200", 1200, True, 50_000, 0.35, 3, RECRYPT_STEPS))


def exchange(net, build, relay, load, rate, seconds=SECONDS):
    """One load through a running relay: what the ends say, and the CPU time the relay and its kernel threads took."""
    program = build / "bench/isthmus-bench-load"
    receiver = net.popen("right", [program, "receive", relay.flows, "--seconds", str(seconds + 5)], cpu=GENERATOR_CPU,
                         stdout=subprocess.PIPE, text=True)
    receiver.stdout.readline()
    kernel = cpu.kernel_threads("napi/left", "napi/right")
    before = relay.busy_ns() + sum(map(cpu.process_ns, kernel))
    sent = json.loads(net.run("left", [program, "send", relay.flows, "--rate", str(rate), "--seconds", str(seconds), "--payload",
                                       str(load.payload)], cpu=GENERATOR_CPU).stdout)
    received = json.loads(receiver.communicate()[0])
    busy = relay.busy_ns() + sum(map(cpu.process_ns, kernel)) - before
    if received["not_authentic"] or (load.recrypt and not received["opened"]):
        raise RuntimeError(f"{relay.name} sent what its peer cannot open: {received}")
    return {"sent": sent["sent"], "rate": sent["packets_per_second"], "received": received["received"],
            "loss": 1 - received["received"] / max(sent["sent"], 1), "busy_ns": busy,
            "ns_per_packet": busy / max(received["received"], 1), "per_100_ms": received["per_100_ms"]}


def with_relay(kind, build, recrypt, use):
    with Network() as net:
        net.softirq_to(RELAY_CPU)
        relay = kind(net, build, RELAY_CPU, CALLS, recrypt)
        try:
            return use(net, relay)
        finally:
            relay.stop()


def highest_loss_free(kind, build, load):
    """The highest step of offered load of which all arrived, and whether the generator kept the next step's pace at all. Each step
    has a relay of its own: a receiver that comes to streams whose numbers have wrapped cannot know how often (RFC 3711 3.3.1)."""
    best = 0
    for rate in load.steps:
        result = with_relay(kind, build, load.recrypt, lambda net, relay, rate=rate: exchange(net, build, relay, load, rate))
        if result["loss"] > MAX_LOSS:
            return best, False
        best = max(best, result["rate"])
        if result["rate"] < rate * 0.97:
            return best, True
    return best, False


def recover_ms(kind, build, capacity):
    """Time until half of capacity passes again after 10 s of three times capacity, and after a stop of 10 s; the worse."""
    def abuse(net, relay):
        worst = 0
        for stopped in (False, True):
            if stopped:
                relay.process.send_signal(signal.SIGSTOP)
            exchange_rate = capacity * (0.5 if stopped else 3)
            exchange_ignored(net, build, relay, exchange_rate, 10)
            if stopped:
                relay.process.send_signal(signal.SIGCONT)
            slices = after(net, build, relay, capacity / 2)
            good = next((i for i, count in enumerate(slices) if count >= capacity / 2 / 10 * 0.9), None)
            worst = max(worst, 100 * (good + 1) if good is not None else 60_000)
        return worst
    return with_relay(kind, build, False, abuse)


def exchange_ignored(net, build, relay, rate, seconds):
    net.run("left", [build / "bench/isthmus-bench-load", "send", relay.flows, "--rate", str(int(rate)), "--seconds",
                     str(seconds), "--payload", str(PLAIN.payload)], cpu=GENERATOR_CPU)


def after(net, build, relay, rate):
    """Arrivals per 100 ms from the moment the half load starts."""
    load = build / "bench/isthmus-bench-load"
    receiver = net.popen("right", [load, "receive", relay.flows, "--seconds", "8"], cpu=GENERATOR_CPU, stdout=subprocess.PIPE,
                         text=True)
    receiver.stdout.readline()
    exchange_ignored(net, build, relay, rate, 4)
    return json.loads(receiver.communicate()[0])["per_100_ms"]


def cost_rows(build, runs, say, load, extra):
    """CPU time a packet of each relay at one rate, A B B A and then the floor, and the ratios of rounds that compare."""
    kinds = (Isthmus, Rtpengine, Rtpengine, Isthmus, *(() if load.recrypt else (Forwarder,)))
    figures = {kind.name: [] for kind in kinds}
    losses = {name: [] for name in figures}
    for turn in range(runs):
        for kind in kinds:
            result = with_relay(kind, build, load.recrypt, lambda net, relay: exchange(net, build, relay, load, load.rate))
            say(f"{load.name} run {turn + 1}/{runs} {kind.name}: {result['ns_per_packet']:.0f} ns a packet, loss {result['loss']:.2%}")
            figures[kind.name].append(result["ns_per_packet"])
            losses[kind.name].append(result["loss"])
    name = f"relay.veth.{load.name}"
    rows = [Row(f"{name}.{relay}.ns", "ns/packet", samples, note=f"at {load.rate} packets/s, loss {min(losses[relay]):.2%}.."
                f"{max(losses[relay]):.2%}", extra=extra) for relay, samples in figures.items()]

    def ratios(rival):
        pairs = list(zip(figures["isthmus"], figures[rival], losses["isthmus"], losses[rival]))
        fair = [ours / theirs for ours, theirs, lost, their_loss in pairs if max(lost, their_loss) <= FAIR_LOSS]
        return fair or [ours / theirs for ours, theirs, _, _ in pairs], len(pairs) - len(fair)

    ratio, left_out = ratios("rtpengine")
    note = f"{left_out} rounds with loss above {FAIR_LOSS:.0%} " + ("left out" if left_out < len(figures["isthmus"]) else "counted, as all had it")
    rows.append(Row(f"{name}.cycles_ratio_vs_rtpengine", "ratio", ratio, limit=load.ratio_limit, note=note if left_out else "", extra=extra))
    if "forwarder" in figures:
        rows.append(Row(f"{name}.cycles_ratio_vs_forwarder", "ratio", ratios("forwarder")[0], extra=extra))
    return rows


def rate_rows(build, runs, say, load, extra):
    """The highest loss-free rate of each relay, and its row for the ratio."""
    best = {kind.name: [] for kind in (Isthmus, Rtpengine)}
    limited = set()
    for turn in range(max(1, runs // 2)):
        for kind in (Isthmus, Rtpengine):
            rate, generator_limit = highest_loss_free(kind, build, load)
            say(f"{load.name} run {turn + 1} {kind.name}: {rate:.0f} packets/s without loss{' (generator limit)' if generator_limit else ''}")
            best[kind.name].append(rate)
            limited |= {kind.name} if generator_limit else set()
    name = f"relay.veth.{load.name}"
    rows = [Row(f"{name}.{relay}.rate", "packets/s", samples, extra=extra,
                note="at least: the generator is the limit" if relay in limited else "") for relay, samples in best.items()]
    rows.append(Row(f"{name}.rate_ratio_vs_rtpengine", "ratio", limit=load.rate_limit, at_least=True, extra=extra,
                    samples=[ours / max(theirs, 1) for ours, theirs in zip(best["isthmus"], best["rtpengine"])],
                    note="at least: the generator is the limit" if "isthmus" in limited else ""))
    return rows, {relay: min(samples) for relay, samples in best.items()}


def run(build, runs, say):
    rows = []
    capacity = {}
    for load in LOADS:
        extra = {"local_addresses": 2, "calls": CALLS, "payload_bytes": load.payload, "io_mode": "af_xdp"}
        rows += cost_rows(build, runs, say, load, extra)
        measured, best = rate_rows(build, runs, say, load, extra)
        rows += measured
        capacity.setdefault(PLAIN.name, best)
    extra = {"local_addresses": 2, "calls": CALLS, "payload_bytes": PLAIN.payload, "io_mode": "af_xdp"}
    for kind in (Isthmus, Rtpengine):
        took = recover_ms(kind, build, capacity[PLAIN.name][kind.name] or PLAIN.rate)
        say(f"{kind.name}: {took} ms to recover")
        rows.append(Row("relay.veth.overload.recover_ms" + ("" if kind is Isthmus else f".{kind.name}"), "ms", [took],
                        limit=1000 if kind is Isthmus else None, extra=extra))
    return rows
