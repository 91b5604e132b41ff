"""A host profile: what a gateway of one size wants of its host. TOML, validated whole: every problem is named with its key.

    description = "..."
    [capacity]  calls, shares          what the size is meant for
    [cpu]       workers, control       CPUs of the poll-mode workers; CPUs for everything else
    [memory]    hugepage_kb, hugepages
    [nic]       count, speed_mbps, queues, mtu
    [dataplane] io_mode
"""
import dataclasses
import pathlib
import tomllib

IO_MODES = ("auto", "af_xdp", "af_packet", "socket")
HUGEPAGE_KB = (2048, 1048576)
MAX_CPU = 1023
MAX_NICS = 16


@dataclasses.dataclass(frozen=True)
class Profile:
    name: str
    description: str
    calls: int
    shares: int
    workers: tuple[int, ...]
    control: tuple[int, ...]
    hugepage_kb: int
    hugepages: int
    nics: int
    nic_speed_mbps: int
    nic_queues: int
    mtu: int
    io_mode: str


class ProfileError(Exception):
    """All that is wrong with a profile, a line each."""


class _Table:
    def __init__(self, table, path, problems):
        self.table, self.path, self.problems, self.known = table, path, problems, set()

    def take(self, key, accept, wanted):
        self.known.add(key)
        value = self.table.get(key)
        if value is None:
            self.problems.append(f"{self.path}{key}: is missing; expected {wanted}")
        elif not accept(value):
            self.problems.append(f"{self.path}{key}: {value!r} is not what is expected: {wanted}")
        else:
            return value
        return None

    def number(self, key, lowest, highest):
        return self.take(key, lambda v: type(v) is int and lowest <= v <= highest, f"a whole number from {lowest} to {highest}")

    def word(self, key, words):
        return self.take(key, lambda v: v in words, "one of " + ", ".join(map(str, words)))

    def cpus(self, key):
        def accept(value):
            return (isinstance(value, list) and value and len(set(map(str, value))) == len(value)
                    and all(type(cpu) is int and 0 <= cpu <= MAX_CPU for cpu in value))
        value = self.take(key, accept, f"a list of different CPU numbers from 0 to {MAX_CPU}")
        return tuple(value or ())

    def refuse_unknown(self):
        for key in self.table:
            if key not in self.known:
                self.problems.append(f"{self.path}{key}: is no known key")


def parse(text: str, name: str) -> Profile:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{name}: {error}") from error
    problems: list[str] = []
    top = _Table(document, "", problems)
    description = top.take("description", lambda v: isinstance(v, str) and v != "", "a sentence")

    def table(key):
        value = top.take(key, lambda v: isinstance(v, dict), "a table")
        return _Table(value or {}, key + ".", problems)

    capacity, cpu, memory, nic, dataplane = map(table, ("capacity", "cpu", "memory", "nic", "dataplane"))
    profile = Profile(
        name=name, description=description,
        calls=capacity.number("calls", 1, 100_000), shares=capacity.number("shares", 0, 10_000),
        workers=cpu.cpus("workers"), control=cpu.cpus("control"),
        hugepage_kb=memory.word("hugepage_kb", HUGEPAGE_KB), hugepages=memory.number("hugepages", 0, 1_000_000),
        nics=nic.number("count", 1, MAX_NICS), nic_speed_mbps=nic.number("speed_mbps", 10, 400_000),
        nic_queues=nic.number("queues", 1, 128), mtu=nic.number("mtu", 1280, 9600),
        io_mode=dataplane.word("io_mode", IO_MODES))
    if set(profile.workers) & set(profile.control):
        problems.append("cpu.workers: a CPU is in cpu.control as well; a poll-mode worker needs one of its own")
    for each in (top, capacity, cpu, memory, nic, dataplane):
        each.refuse_unknown()
    if problems:
        raise ProfileError("\n".join(f"{name}: {problem}" for problem in problems))
    return profile


def load(path: pathlib.Path) -> Profile:
    return parse(path.read_text(encoding="utf-8"), path.stem)
