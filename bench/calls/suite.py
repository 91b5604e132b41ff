"""Whole calls by SIPp over TCP: CPU a call, highest rate, memory a call; kamailio carries the same calls in the same run."""
import csv
import pathlib
import subprocess
import tempfile
import time

from bench.calls.rivals import HERE, Isthmus, Kamailio
from bench.harness.net import LEFT_GATEWAY, LEFT_PEER, RIGHT_PEER, Network
from bench.harness.rows import Row

LOAD_CPU, TESTED_CPU = 0, 1
RATE = 500
SECONDS = 10
RATES = [500, 750, 1000, 1250, 1500, 2000, 2500]
HELD_FEW, HELD_MANY = 50, 850


def sipp(net, place, arguments):
    return net.popen(place, ["sipp", *map(str, arguments), "-t", "t1", "-nostdin", "-buff_size", "4194304"], cpu=LOAD_CPU,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def calls(net, rate, count, hold_ms=0, wait=True):
    """Places `count` calls at `rate`; returns (good, failed, calls a second), or the running caller with its answerer."""
    folder = tempfile.mkdtemp()
    stats = pathlib.Path(folder) / "stats.csv"
    callee = sipp(net, "right", ["-sf", HERE / "uas.xml", "-i", RIGHT_PEER, "-p", 5060])
    time.sleep(0.5)
    caller = sipp(net, "left", [f"{LEFT_GATEWAY}:5060", "-sf", HERE / "uac.xml", "-i", LEFT_PEER, "-p", 5060, "-s", "3001", "-r",
                                rate, "-m", count, "-l", max(count, 1000), "-d", hold_ms, "-timeout", "120", "-trace_stat",
                                "-stf", stats, "-fd", "1"])
    if not wait:
        return caller, callee
    started = time.monotonic()
    caller.wait(150)
    took = time.monotonic() - started
    net.stop(callee)
    last = list(csv.DictReader(stats.open(), delimiter=";"))[-1]
    return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), int(last["SuccessfulCall(C)"]) / took


def with_carrier(kind, build, use):
    with Network() as net:
        carrier = kind(net, build, TESTED_CPU)
        try:
            return use(net, carrier)
        finally:
            carrier.stop()


def cpu_per_call(net, carrier):
    calls(net, 100, 200)  # warm
    before = carrier.signalling_ns()
    good, failed, _ = calls(net, RATE, RATE * SECONDS)
    return (carrier.signalling_ns() - before) / 1000 / max(good, 1), failed


def highest_rate(net, _carrier):
    """The highest step at which no call failed and the pace was kept."""
    best = 0
    for rate in RATES:
        _, failed, reached = calls(net, rate, rate * SECONDS)
        if failed or reached < 0.9 * rate:
            break
        best = rate
    return best


def memory_per_call(net, carrier):
    def held(count):
        caller, callee = calls(net, 100, count, hold_ms=60_000, wait=False)
        time.sleep(count / 100 + 2)
        memory = carrier.memory_kib()
        net.stop(caller)
        net.stop(callee)
        return memory
    few = held(HELD_FEW)
    time.sleep(5)
    return (held(HELD_MANY) - few) / (HELD_MANY - HELD_FEW)


def run(build, runs, say):
    extra = {"local_addresses": Isthmus.local_addresses, "transport": "tcp"}
    figures = {kind.name: [] for kind in (Isthmus, Kamailio)}
    failures = {name: 0 for name in figures}
    for turn in range(runs):
        for kind in (Isthmus, Kamailio) if turn % 2 == 0 else (Kamailio, Isthmus):
            cost, failed = with_carrier(kind, build, cpu_per_call)
            say(f"run {turn + 1}/{runs} {kind.name}: {cost:.0f} us a call, {failed} failed")
            figures[kind.name].append(cost)
            failures[kind.name] += failed
    rows = [Row("calls.tcp.cpu_us_per_call" + ("" if name == "isthmus" else f".{name}"), "us/call", samples,
                limit=120 if name == "isthmus" else None, extra=extra, note=f"at {RATE} calls/s, {failures[name]} failed")
            for name, samples in figures.items()]
    rows.append(Row("calls.tcp.cpu_ratio_vs_kamailio", "ratio", extra=extra,
                    samples=[ours / theirs for ours, theirs in zip(figures["isthmus"], figures["kamailio"])]))
    for kind in (Isthmus, Kamailio):
        rate = with_carrier(kind, build, highest_rate)
        say(f"{kind.name}: {rate} calls/s without a failure")
        rows.append(Row("calls.tcp.rate" + ("" if kind is Isthmus else f".{kind.name}"), "calls/s", [rate],
                        limit=1000 if kind is Isthmus else None, at_least=True, extra=extra))
    memory = with_carrier(Isthmus, build, memory_per_call)
    rows.append(Row("calls.memory_kib_per_call", "KiB/call", [memory], limit=64, extra=extra,
                    note=f"both planes, {HELD_MANY} calls held against {HELD_FEW}"))
    return rows
