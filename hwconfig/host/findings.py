"""What a host lacks for a profile, each with the command that mends it. Pure: facts and a profile in, findings out."""
import dataclasses
import enum

from hwconfig.host.facts import NARROW_CRYPTO_FLAGS, WIDE_CRYPTO_FLAGS, XDP_DRIVERS, Host, Nic
from hwconfig.host.profile import Profile

POOL = (56000, 57000)  # R372; both included
USERS = ("isthmus-dataplane", "isthmus-controlplane")
OLDEST_KERNEL = (5, 16)  # NTF_EXT_MANAGED; what is older works with repeated requests


class State(enum.Enum):
    OK = "ok"
    ADVICE = "advice"    # works, but slower or less surely
    MISSING = "missing"  # this profile does not work without it


@dataclasses.dataclass(frozen=True)
class Finding:
    name: str
    state: State
    what: str
    fix: str | None = None  # a command, or what to change where


def _cpus(host: Host, profile: Profile) -> list[Finding]:
    wanted, there = set(profile.workers) | set(profile.control), host.cpus()
    if not set(profile.workers) <= there:
        return [Finding("cpus", State.MISSING, f"the workers want CPU {_list(set(profile.workers) - there)}, the host has {_list(there)}",
                        "set cpu.workers of a profile of your own to CPUs that exist")]
    findings = [Finding("cpus", State.OK, f"{len(there)} CPUs; workers on {_list(profile.workers)}")
                if wanted <= there else
                Finding("cpus", State.ADVICE, f"the profile counts on {len(wanted)} CPUs, the host has {len(there)}",
                        "choose a smaller profile")]
    bare = set(profile.workers) - host.isolated()
    if bare:
        cpus = _list(profile.workers)
        findings.append(Finding("isolated_cores", State.ADVICE,
                                f"the scheduler may put other work on worker CPU {_list(bare)}: packets then wait for milliseconds",
                                f"add 'isolcpus={cpus} nohz_full={cpus} rcu_nocbs={cpus}' to GRUB_CMDLINE_LINUX in /etc/default/grub, "
                                "then: update-grub && reboot"))
    else:
        findings.append(Finding("isolated_cores", State.OK, f"worker CPU {_list(profile.workers)} isolated"))
    shared = {cpu for cpu in profile.workers for other in host.siblings(cpu) if other != cpu and other in wanted}
    if shared:
        findings.append(Finding("hyperthreads", State.ADVICE, f"worker CPU {_list(shared)} shares its core with another CPU in use",
                                "leave the other CPU of the core out of cpu.workers and cpu.control"))
    slow = {cpu for cpu in profile.workers if host.governor(cpu) not in (None, "performance")}
    if slow:
        findings.append(Finding("frequency", State.ADVICE, f"worker CPU {_list(slow)} changes its clock with the load it seems to have",
                                "for c in " + " ".join(map(str, sorted(slow))) +
                                "; do echo performance >/sys/devices/system/cpu/cpu$c/cpufreq/scaling_governor; done"))
    return findings


def _crypto(host: Host, _: Profile) -> list[Finding]:
    flags = host.cpu_flags()
    if all(flag in flags for flag in WIDE_CRYPTO_FLAGS):
        return [Finding("crypto", State.OK, "AVX-512, VAES and SHA extensions: SRTP at full width")]
    if all(flag in flags for flag in NARROW_CRYPTO_FLAGS):
        return [Finding("crypto", State.ADVICE, "no AVX-512 with VAES: SRTP runs at a part of the speed", "a processor of the Ice Lake or Zen 4 generation or later")]
    return [Finding("crypto", State.MISSING, "the processor lacks AES, PCLMULQDQ or SSE4.2", "a processor made after 2011; in a VM: pass the host's CPU model through")]


def _memory(host: Host, profile: Profile) -> list[Finding]:
    if profile.hugepages == 0:
        return []
    size = profile.hugepage_kb
    pages = host.hugepages(size)
    at_run_time = f"echo {profile.hugepages} >/sys/kernel/mm/hugepages/hugepages-{size}kB/nr_hugepages"
    fix = at_run_time if size == 2048 else f"add 'default_hugepagesz=1G hugepagesz=1G hugepages={profile.hugepages}' to GRUB_CMDLINE_LINUX in /etc/default/grub, then: update-grub && reboot"
    if pages is None:
        return [Finding("hugepages", State.MISSING if profile.io_mode != "auto" else State.ADVICE, f"this kernel offers no hugepages of {size} kB", fix)]
    if pages.total < profile.hugepages:
        return [Finding("hugepages", State.MISSING if profile.io_mode != "auto" else State.ADVICE, f"{pages.total} hugepages of {size} kB reserved, {profile.hugepages} wanted (without: two thirds of the speed)", fix)]
    nodes = {host.node_of_cpu(cpu) for cpu in profile.workers} - {None}
    for node in sorted(nodes):
        there = host.hugepages_of_node(node, size)
        if there is not None and host.nodes() > 1 and there * len(nodes) < profile.hugepages:
            return [Finding("hugepages", State.ADVICE, f"NUMA node {node}, where workers run, has {there} of {profile.hugepages} hugepages",
                            f"echo {profile.hugepages} >/sys/devices/system/node/node{node}/hugepages/hugepages-{size}kB/nr_hugepages")]
    return [Finding("hugepages", State.OK, f"{pages.total} of {size} kB, {pages.free} free")]


def _fits(nic: Nic, profile: Profile) -> bool:
    return nic.up and nic.driver in XDP_DRIVERS and (nic.speed_mbps is None or nic.speed_mbps >= profile.nic_speed_mbps)


def _nics(host: Host, profile: Profile) -> list[Finding]:
    nics = host.nics()
    fitting = [nic for nic in nics if _fits(nic, profile)]
    soft = profile.io_mode in ("auto", "socket", "af_packet")
    findings = []
    if len(fitting) < profile.nics:
        seen = ", ".join(f"{nic.name} ({nic.driver}, {'up' if nic.up else 'down'}, {_speed(nic)})" for nic in nics) or "none"
        findings.append(Finding("nics", State.ADVICE if soft else State.MISSING,
                                f"{len(fitting)} of {profile.nics} interface(s) are up, have a driver with AF_XDP and reach {profile.nic_speed_mbps} Mbit/s; there are: {seen}",
                                "ip link set NAME up; a NIC of the ixgbe, i40e, ice or mlx5 family"))
    else:
        findings.append(Finding("nics", State.OK, ", ".join(f"{nic.name} ({nic.driver}, {_speed(nic)})" for nic in fitting)))
    for nic in fitting:
        if nic.queues < min(profile.nic_queues, len(profile.workers)):
            findings.append(Finding("queues", State.ADVICE, f"{nic.name} has {nic.queues} receive queue(s), {profile.nic_queues} wanted: one a worker",
                                    f"ethtool -L {nic.name} combined {profile.nic_queues}"))
        if nic.mtu < profile.mtu:
            findings.append(Finding("mtu", State.ADVICE, f"{nic.name} has MTU {nic.mtu}, {profile.mtu} wanted", f"ip link set {nic.name} mtu {profile.mtu}"))
        far = {cpu for cpu in profile.workers if nic.numa_node is not None and host.node_of_cpu(cpu) not in (None, nic.numa_node)}
        if far:
            findings.append(Finding("numa", State.ADVICE, f"{nic.name} is on NUMA node {nic.numa_node}, worker CPU {_list(far)} is not",
                                    f"choose cpu.workers from /sys/devices/system/node/node{nic.numa_node}/cpulist"))
    if not host.has_iommu():
        findings.append(Finding("iommu", State.ADVICE, "no IOMMU: a NIC cannot be given to a program safely (af_xdp does not need it)",
                                "switch VT-d or AMD-Vi on in the firmware, and add 'intel_iommu=on iommu=pt' to GRUB_CMDLINE_LINUX, then: update-grub && reboot"))
    return findings


def _kernel(host: Host, _: Profile) -> list[Finding]:
    findings = []
    if host.kernel() < OLDEST_KERNEL:
        findings.append(Finding("kernel", State.ADVICE, "Linux %d.%d: neighbours are kept fresh by repeated requests" % host.kernel(), "apt-get install linux-image-amd64"))
    first, last = POOL
    low, high = host.ephemeral_ports()
    pool = set(range(first, last + 1))
    if (low <= last and high >= first) and not pool <= host.reserved_ports():
        findings.append(Finding("reserved_ports", State.ADVICE,
                                f"the kernel may give ports of the pool {first}-{last} to other programs until the gateway starts (it reserves them then)",
                                f"install hwconfig/systemd/isthmus.sysctl as /etc/sysctl.d/isthmus.conf, or now: sysctl -w net.ipv4.ip_local_reserved_ports={first}-{last}"))
    else:
        findings.append(Finding("reserved_ports", State.OK, f"{first}-{last} kept from other programs"))
    if host.clocksource() not in (None, "tsc"):
        findings.append(Finding("clock", State.ADVICE, f"clock source {host.clocksource()}: reading the time costs a system call", "add 'tsc=reliable' to GRUB_CMDLINE_LINUX, then: update-grub && reboot"))
    if host.is_running("irqbalance"):
        findings.append(Finding("irqbalance", State.ADVICE, "irqbalance may move interrupts onto the workers' CPUs",
                                "set IRQBALANCE_BANNED_CPULIST in /etc/default/irqbalance to the workers' CPUs, then: systemctl restart irqbalance"))
    lacking = [user for user in USERS if not host.has_user(user)]
    if lacking:
        findings.append(Finding("users", State.MISSING, "user " + " and ".join(lacking) + " is not there",
                                "install hwconfig/systemd/isthmus.sysusers as /usr/lib/sysusers.d/isthmus.conf, then: systemd-sysusers"))
    else:
        findings.append(Finding("users", State.OK, "users of the two planes"))
    return findings


def check(host: Host, profile: Profile) -> list[Finding]:
    return [finding for part in (_cpus, _crypto, _memory, _nics, _kernel) for finding in part(host, profile)]


def _speed(nic: Nic) -> str:
    return f"{nic.speed_mbps} Mbit/s" if nic.speed_mbps else "speed not told"


def _list(cpus) -> str:
    """ "2-4,8" """
    parts = []
    for cpu in sorted(set(cpus)):
        if parts and parts[-1][1] == cpu - 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts) or "-"
