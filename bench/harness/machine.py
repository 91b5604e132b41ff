"""Facts about the machine that a figure is worthless without."""
import os
import pathlib
import platform
import subprocess


def _first(path, key):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def tsc_hz():
    """TSC ticks a second as the kernel measured them (from the boot log or cpuinfo), in Hz; None if it does not say."""
    mhz = _first("/proc/cpuinfo", "cpu MHz")
    return float(mhz) * 1e6 if mhz != "unknown" else None


def dataplane_environment():
    """As the supervisor starts the data plane: its heap on large pages."""
    return {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def facts(root):
    return {
        "cpu": _first("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "cpu_mhz": _first("/proc/cpuinfo", "cpu MHz"),
        "hypervisor": "hypervisor" in _first("/proc/cpuinfo", "flags"),
        "memory_kib": _first("/proc/meminfo", "MemTotal").split()[0],
        "hugepages": _first("/proc/meminfo", "HugePages_Total"),
        "kernel": platform.release(),
        "compiler": _output("g++", "-dumpfullversion"),
        "dpdk": _output("pkg-config", "--modversion", "libdpdk"),
        "commit": _output("git", "-C", root, "rev-parse", "--short", "HEAD"),
        "tree_changed": bool(_output("git", "-C", root, "status", "--porcelain")),
        "date": _output("date", "-u", "+%Y-%m-%d"),
    }
