"""Facts of a host, read below a root folder so that tests can bring a host of their own. Nothing is changed, no program is
started; what a kernel or a machine does not say is None."""
import dataclasses
import os
import pathlib

# Drivers whose native XDP and AF_XDP are in Debian 12's kernel (6.1) and that a gateway is likely to meet.
XDP_DRIVERS = ("bnxt_en", "ena", "i40e", "ice", "igb", "igc", "ixgbe", "mlx5_core", "nfp", "qede", "sfc", "stmmac", "veth",
               "virtio_net")
# Of the multi-buffer SRTP engine at full width.
WIDE_CRYPTO_FLAGS = ("aes", "avx512bw", "avx512vl", "sha_ni", "vaes", "vpclmulqdq")
NARROW_CRYPTO_FLAGS = ("aes", "pclmulqdq", "sse4_2")


def parse_list(text: str) -> set[int]:
    """The kernel's list form: "0-3,8" (also of ports)."""
    numbers: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


@dataclasses.dataclass(frozen=True)
class Nic:
    name: str
    driver: str | None
    pci: str | None
    up: bool
    speed_mbps: int | None
    mtu: int
    queues: int
    numa_node: int | None


@dataclasses.dataclass(frozen=True)
class Hugepages:
    size_kb: int
    total: int
    free: int


class Host:
    def __init__(self, root: str | os.PathLike = "/"):
        self.root = pathlib.Path(root)

    def text(self, path: str) -> str | None:
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        text = self.text(path)
        try:
            return int(text) if text is not None else None
        except ValueError:
            return None

    def entries(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(self.root / path))
        except OSError:
            return []

    # ---- processor ----
    def cpus(self) -> set[int]:
        return parse_list(self.text("sys/devices/system/cpu/online") or "0")

    def isolated(self) -> set[int]:
        return parse_list(self.text("sys/devices/system/cpu/isolated") or "")

    def siblings(self, cpu: int) -> set[int]:
        return parse_list(self.text(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu))

    def governor(self, cpu: int) -> str | None:
        return self.text(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor")

    def node_of_cpu(self, cpu: int) -> int | None:
        for entry in self.entries(f"sys/devices/system/cpu/cpu{cpu}"):
            if entry.startswith("node") and entry[4:].isdigit():
                return int(entry[4:])
        return None

    def cpu_flags(self) -> set[str]:
        for line in (self.text("proc/cpuinfo") or "").splitlines():
            if line.startswith("flags"):
                return set(line.partition(":")[2].split())
        return set()

    def clocksource(self) -> str | None:
        return self.text("sys/devices/system/clocksource/clocksource0/current_clocksource")

    # ---- memory, devices ----
    def hugepages(self, size_kb: int) -> Hugepages | None:
        folder = f"sys/kernel/mm/hugepages/hugepages-{size_kb}kB"
        total, free = self.number(f"{folder}/nr_hugepages"), self.number(f"{folder}/free_hugepages")
        return Hugepages(size_kb, total, free) if total is not None and free is not None else None

    def hugepages_of_node(self, node: int, size_kb: int) -> int | None:
        return self.number(f"sys/devices/system/node/node{node}/hugepages/hugepages-{size_kb}kB/nr_hugepages")

    def nodes(self) -> int:
        return sum(entry.startswith("node") and entry[4:].isdigit() for entry in self.entries("sys/devices/system/node")) or 1

    def has_iommu(self) -> bool:
        return bool(self.entries("sys/kernel/iommu_groups"))

    def nics(self) -> list[Nic]:
        """Interfaces that packets of other hosts can come by: those with a device, and veth."""
        found = []
        for name in self.entries("sys/class/net"):
            folder = f"sys/class/net/{name}"
            device = self.root / folder / "device"
            driver_link = device / "driver"
            driver = os.path.basename(os.path.realpath(driver_link)) if driver_link.exists() else None
            if driver is None and not self._is_veth(folder):
                continue
            speed, node = self.number(f"{folder}/speed"), self.number(f"{folder}/device/numa_node")
            found.append(Nic(
                name=name, driver=driver or "veth",
                pci=os.path.basename(os.path.realpath(device)) if device.exists() else None,
                up=self.text(f"{folder}/operstate") == "up",
                speed_mbps=speed if speed is not None and speed > 0 else None,
                mtu=self.number(f"{folder}/mtu") or 0,
                queues=sum(queue.startswith("rx-") for queue in self.entries(f"{folder}/queues")),
                numa_node=node if node is not None and node >= 0 else None))
        return found

    def _is_veth(self, folder: str) -> bool:
        index, peer = self.number(f"{folder}/ifindex"), self.number(f"{folder}/iflink")
        return index is not None and peer is not None and index != peer and self.number(f"{folder}/type") == 1

    # ---- kernel ----
    def kernel(self) -> tuple[int, int]:
        release = (self.text("proc/sys/kernel/osrelease") or "0.0").split(".")
        return int(release[0]), int("".join(filter(str.isdigit, release[1][:3])) or 0)

    def reserved_ports(self) -> set[int]:
        return parse_list(self.text("proc/sys/net/ipv4/ip_local_reserved_ports") or "")

    def ephemeral_ports(self) -> tuple[int, int]:
        low, high = (self.text("proc/sys/net/ipv4/ip_local_port_range") or "32768 60999").split()
        return int(low), int(high)

    def has_user(self, name: str) -> bool:
        return any(line.startswith(name + ":") for line in (self.text("etc/passwd") or "").splitlines())

    def is_running(self, program: str) -> bool:
        return any(entry.isdigit() and self.text(f"proc/{entry}/comm") == program for entry in self.entries("proc"))
