"""Single parts and the whole packet path on in-memory bursts, by Google Benchmark. A counter named "cycles" becomes the row
NAME.cycles (TSC cycles a packet), and so on for those in UNITS; without either the row is NAME.ns (time an iteration)."""
import json
import subprocess

from bench.harness.machine import dataplane_environment
from bench.harness.rows import Row

LIMITS = {
    "micro.relay.plain.1024.cycles": 70,
    "micro.relay.cm80.160.cycles": 500,
    "micro.relay.cm80.1200.cycles": 1150,
    "micro.relay.cm80.160.over_floor": 1.35,
    "micro.relay.cm80.1200.over_floor": 1.2,
    "micro.relay.gcm128.160.cycles": 320,
    "micro.relay.gcm128.1200.cycles": 600,
    "micro.relay.cm80.160.growth_10_to_10000": 1.5,
    "micro.session.hot_lines": 6,
    "micro.session.cm80.hot_lines": 6,
    "micro.stream.plain.bytes": 1024,
    "micro.stream.cm80.bytes": 4096,
    "micro.stream.gcm128.bytes": 12288,
    "micro.repacketise.extra_cycles": 400,
}
FULL_BURST = "64"  # frames; a row without a burst in its name has this one
UNITS = {"cycles": "TSC cycles", "floor_cycles": "TSC cycles", "extra_cycles": "TSC cycles", "over_floor": "ratio",
         "growth_10_to_10000": "ratio", "bytes": "bytes", "hot_lines": "cache lines"}
HOT_LINES = "bench_micro_hot_lines"  # a program of clang's


def unit_of(counter):
    """None: no row. STAGE.cycles is that of one stage of the packet path, PART.lines are those of one part of a session."""
    if counter.endswith(".lines"):
        return "cache lines"
    return "TSC cycles" if counter.endswith(".cycles") else UNITS.get(counter)


def run(build, runs, say):
    samples, units = {}, {}
    if not (build / "bench" / HOT_LINES).exists():
        say("no row micro.session.hot_lines: it needs clang++-19, which was not there when the build was configured")
    for turn in range(runs):
        say(f"run {turn + 1}/{runs}")
        for program in sorted((build / "bench").glob("bench_micro*")):
            output = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.1"], check=True, text=True,
                                    capture_output=True, env=dataplane_environment()).stdout
            for result in json.loads(output)["benchmarks"]:
                name, _, burst = result["name"].removesuffix("/real_time").partition("/")
                if burst not in ("", FULL_BURST):
                    name += f".burst{burst}"
                counters = {key: value for key, value in result.items() if unit_of(key)} or {"ns": result["real_time"]}
                for key, value in counters.items():
                    row = f"{name}.{key}"
                    samples.setdefault(row, []).append(value)
                    units[row] = unit_of(key) or "ns"
    return [Row(name, units[name], values, limit=LIMITS.get(name)) for name, values in samples.items()]
