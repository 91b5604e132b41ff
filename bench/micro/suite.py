"""Single parts and the whole packet path on in-memory bursts, by Google Benchmark. A counter named "cycles" becomes the row
NAME.cycles (TSC cycles a packet), one named "bytes" NAME.bytes; without either the row is NAME.ns (time an iteration)."""
import json
import subprocess

from bench.harness.rows import Row

LIMITS = {"micro.relay.plain.1024.cycles": 80}
FULL_BURST = "64"  # frames; a row without a burst in its name has this one
UNITS = {"cycles": "TSC cycles", "bytes": "bytes"}


def run(build, runs, say):
    samples, units = {}, {}
    for turn in range(runs):
        say(f"run {turn + 1}/{runs}")
        for program in sorted((build / "bench").glob("bench_micro*")):
            output = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.1"], check=True, text=True,
                                    capture_output=True).stdout
            for result in json.loads(output)["benchmarks"]:
                name, _, burst = result["name"].removesuffix("/real_time").partition("/")
                if burst not in ("", FULL_BURST):
                    name += f".burst{burst}"
                counters = {key: result[key] for key in UNITS if key in result} or {"ns": result["real_time"]}
                for key, value in counters.items():
                    row = f"{name}.{key}"
                    samples.setdefault(row, []).append(value)
                    units[row] = UNITS.get(key, "ns")
    return [Row(name, units[name], values, limit=LIMITS.get(name)) for name, values in samples.items()]
