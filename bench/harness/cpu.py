"""CPU time to the nanosecond, from the scheduler."""
import os
import pathlib


def process_ns(pid):
    """Run time of all threads of a process that live now."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            pass  # the thread ended meanwhile
    return total


def kernel_threads(*prefixes):
    """Kernel threads by name, such as "napi/left"."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().startswith(prefixes):
                found.append(int(process.name))
        except OSError:
            pass
    return found


def children(pid):
    """The process and all below it."""
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
            try:
                found += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                pass
    return found


def resident_kib(pid):
    """Anonymous, file and huge pages that the process holds."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) + int(fields.get("HugetlbPages", "0 kB").split()[0])


def program(pids, name):
    """The first of these processes that runs a program of this name."""
    for pid in pids:
        try:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == name:
                return pid
        except OSError:
            pass
    raise RuntimeError(f"{name} does not run")
