"""Packets through a relay on veth pairs: Isthmus (af_xdp), rtpengine and a bare socket forwarder, one pinned core each."""
import json
import signal
import subprocess

from bench.harness import cpu
from bench.harness.net import Network
from bench.harness.rows import Row
from bench.relay.rivals import Forwarder, Isthmus, Rtpengine

GENERATOR_CPU, RELAY_CPU = 0, 1
CALLS = 50
PAYLOAD = 160
SECONDS = 3
RATE = 100_000
MAX_LOSS = 1e-4          # "loss-free" on a shared machine
RATE_STEPS = [50_000, 75_000, 100_000, 150_000, 200_000, 250_000, 300_000, 400_000, 500_000]


def exchange(net, build, relay, rate, seconds):
    """One load through a running relay: what the ends say, and the CPU time the relay and its kernel threads took."""
    load = build / "bench/isthmus-bench-load"
    receiver = net.popen("right", [load, "receive", relay.flows, "--seconds", str(seconds + 5)], cpu=GENERATOR_CPU,
                         stdout=subprocess.PIPE, text=True)
    receiver.stdout.readline()
    kernel = cpu.kernel_threads("napi/left", "napi/right")
    before = relay.busy_ns() + sum(map(cpu.process_ns, kernel))
    sent = json.loads(net.run("left", [load, "send", relay.flows, "--rate", str(rate), "--seconds", str(seconds), "--payload",
                                       str(PAYLOAD)], cpu=GENERATOR_CPU).stdout)
    received = json.loads(receiver.communicate()[0])
    busy = relay.busy_ns() + sum(map(cpu.process_ns, kernel)) - before
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


def highest_loss_free(kind, build):
    """The highest step of offered load of which all arrived, and whether the generator kept the next step's pace at all."""
    def climb(net, relay):
        best, generator_limit = 0, False
        for rate in RATE_STEPS:
            result = exchange(net, build, relay, rate, SECONDS)
            if result["rate"] < rate * 0.97:
                generator_limit = True
                rate = result["rate"]
            if result["loss"] > MAX_LOSS:
                return best, False
            best = max(best, result["rate"])
            if generator_limit:
                break
        return best, generator_limit
    return with_relay(kind, build, False, climb)


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
                     str(seconds)], cpu=GENERATOR_CPU)


def after(net, build, relay, rate):
    """Arrivals per 100 ms from the moment the half load starts."""
    load = build / "bench/isthmus-bench-load"
    receiver = net.popen("right", [load, "receive", relay.flows, "--seconds", "8"], cpu=GENERATOR_CPU, stdout=subprocess.PIPE,
                         text=True)
    receiver.stdout.readline()
    exchange_ignored(net, build, relay, rate, 4)
    return json.loads(receiver.communicate()[0])["per_100_ms"]


def run(build, runs, say):
    extra = {"local_addresses": 2, "calls": CALLS, "payload_bytes": PAYLOAD, "io_mode": "af_xdp"}
    figures = {kind.name: [] for kind in (Isthmus, Rtpengine, Forwarder)}
    losses = {name: [] for name in figures}
    for turn in range(runs):
        for kind in (Isthmus, Rtpengine, Rtpengine, Isthmus, Forwarder):  # A B B A, then the floor
            result = with_relay(kind, build, False, lambda net, relay: exchange(net, build, relay, RATE, SECONDS))
            say(f"run {turn + 1}/{runs} {kind.name}: {result['ns_per_packet']:.0f} ns a packet, loss {result['loss']:.2%}")
            figures[kind.name].append(result["ns_per_packet"])
            losses[kind.name].append(result["loss"])
    ratios = [ours / theirs for ours, theirs in zip(figures["isthmus"], figures["rtpengine"])]
    rows = [Row(f"relay.veth.plain.{PAYLOAD}.{name}.ns", "ns/packet", samples, note=f"at {RATE} packets/s, worst loss "
                f"{max(losses[name]):.2%}", extra=extra) for name, samples in figures.items()]
    rows.append(Row(f"relay.veth.plain.{PAYLOAD}.cycles_ratio_vs_rtpengine", "ratio", ratios, limit=0.6, extra=extra))
    floor = [ours / theirs for ours, theirs in zip(figures["isthmus"], figures["forwarder"])]
    rows.append(Row(f"relay.veth.plain.{PAYLOAD}.cycles_ratio_vs_forwarder", "ratio", floor, extra=extra))

    best = {kind.name: [] for kind in (Isthmus, Rtpengine)}
    limited = set()
    for turn in range(max(1, runs // 2)):
        for kind in (Isthmus, Rtpengine):
            rate, generator_limit = highest_loss_free(kind, build)
            say(f"run {turn + 1} {kind.name}: {rate:.0f} packets/s without loss{' (generator limit)' if generator_limit else ''}")
            best[kind.name].append(rate)
            limited |= {kind.name} if generator_limit else set()
    rows += [Row(f"relay.veth.plain.{PAYLOAD}.{name}.rate", "packets/s", samples, extra=extra,
                 note="at least: the generator is the limit" if name in limited else "") for name, samples in best.items()]
    rows.append(Row(f"relay.veth.plain.{PAYLOAD}.rate_ratio_vs_rtpengine", "ratio", limit=1.5, at_least=True, extra=extra,
                    samples=[ours / max(theirs, 1) for ours, theirs in zip(best["isthmus"], best["rtpengine"])],
                    note="at least: the generator is the limit" if "isthmus" in limited else ""))
    for kind in (Isthmus, Rtpengine):
        took = recover_ms(kind, build, min(best[kind.name]) or RATE)
        say(f"{kind.name}: {took} ms to recover")
        rows.append(Row(f"relay.veth.overload.recover_ms" + ("" if kind is Isthmus else f".{kind.name}"), "ms", [took], limit=1000 if kind is Isthmus else None,
                        extra=extra))
    return rows
