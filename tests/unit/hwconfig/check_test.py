#!/usr/bin/env python3
"""hwconfig/check on hosts made of files: what each lacks is found, and what is there is not complained about."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from hwconfig.host import findings, profile  # noqa: E402  (the path comes first)
from hwconfig.host.facts import Host, parse_list  # noqa: E402
from hwconfig.host.findings import State  # noqa: E402

WIDE = "fpu aes pclmulqdq sse4_2 avx512bw avx512vl sha_ni vaes vpclmulqdq"


class MadeUpHost:
    """A medium host on which nothing is missing; tests take things away."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        self.write("sys/devices/system/cpu/online", "0-7")
        self.write("sys/devices/system/cpu/isolated", "2-3")
        for cpu in range(8):
            self.write(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", str(cpu))
            self.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", "performance")
            self.write(f"sys/devices/system/cpu/cpu{cpu}/node0/cpulist", "0-7")
        self.write("proc/cpuinfo", f"processor : 0\nflags : {WIDE}\n")
        self.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc")
        for name, value in (("nr_hugepages", "1024"), ("free_hugepages", "1000")):
            self.write(f"sys/kernel/mm/hugepages/hugepages-2048kB/{name}", value)
        self.write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "1024")
        self.write("sys/kernel/iommu_groups/0/type", "DMA")
        for index, name in enumerate(("eth0", "eth1")):
            self.nic(name, index)
        self.write("proc/sys/kernel/osrelease", "6.1.0-30-amd64")
        self.write("proc/sys/net/ipv4/ip_local_reserved_ports", "56000-57000")
        self.write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999")
        self.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nisthmus-dataplane:x:998:998::/:/x\nisthmus-controlplane:x:997:997::/:/x\n")

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + "\n", encoding="utf-8")

    def nic(self, name, index, driver="ice", speed="10000", state="up", mtu="1500", queues=2, node="0"):
        folder = f"sys/class/net/{name}"
        for key, value in (("speed", speed), ("operstate", state), ("mtu", mtu), ("ifindex", str(index + 2)),
                           ("iflink", str(index + 2)), ("type", "1"), ("device/numa_node", node)):
            self.write(f"{folder}/{key}", value)
        for queue in range(queues):
            self.write(f"{folder}/queues/rx-{queue}/rps_cpus", "0")
        drivers = self.root / "sys/bus/pci/drivers" / driver
        drivers.mkdir(parents=True, exist_ok=True)
        link = self.root / folder / "device/driver"
        link.unlink(missing_ok=True)
        link.symlink_to(drivers)

    def find(self, name="medium-10gbe"):
        wanted = profile.load(ROOT / "hwconfig/profiles" / f"{name}.toml")
        return {finding.name: finding for finding in findings.check(Host(self.root), wanted)}


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.host = MadeUpHost(self.folder.name)

    def expect(self, name, state, *words, profile_name="medium-10gbe"):
        found = self.host.find(profile_name)
        self.assertIn(name, found)
        self.assertEqual(found[name].state, state, found[name])
        for word in words:
            self.assertIn(word, f"{found[name].what} {found[name].fix}")
        if state is not State.OK:
            self.assertTrue(found[name].fix, "a lack without the way to mend it")

    def test_says_nothing_of_a_host_that_lacks_nothing(self):
        self.assertEqual([f for f in self.host.find().values() if f.state is not State.OK], [])

    def test_finds_missing_cpus(self):
        self.host.write("sys/devices/system/cpu/online", "0-2")
        self.expect("cpus", State.MISSING, "CPU 3")

    def test_finds_workers_that_are_not_isolated(self):
        self.host.write("sys/devices/system/cpu/isolated", "")
        self.expect("isolated_cores", State.ADVICE, "isolcpus=2-3")

    def test_finds_a_worker_that_shares_its_core(self):
        self.host.write("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2,6")
        self.expect("hyperthreads", State.ADVICE, "CPU 2")

    def test_finds_a_clock_that_follows_the_load(self):
        self.host.write("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave")
        self.expect("frequency", State.ADVICE, "for c in 3;")

    def test_tells_wide_narrow_and_no_crypto_apart(self):
        self.host.write("proc/cpuinfo", "flags : aes pclmulqdq sse4_2")
        self.expect("crypto", State.ADVICE)
        self.host.write("proc/cpuinfo", "flags : sse4_2")
        self.expect("crypto", State.MISSING)

    def test_finds_missing_hugepages(self):
        self.host.write("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1023")
        self.expect("hugepages", State.MISSING, "echo 1024")
        self.expect("hugepages", State.OK, profile_name="trial")

    def test_finds_hugepages_on_the_other_node(self):
        self.host.write("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "1024")
        self.host.write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "0")
        self.expect("hugepages", State.ADVICE, "node 0")

    def test_finds_interfaces_that_do_not_fit(self):
        for change in ({"state": "down"}, {"speed": "1000"}, {"driver": "e1000e"}):
            self.host.nic("eth1", 1, **change)
            self.expect("nics", State.MISSING, "1 of 2", "eth1")
        self.host.nic("eth1", 1)
        self.expect("nics", State.OK, "eth1")

    def test_finds_too_few_queues_and_a_small_mtu(self):
        self.host.nic("eth2", 2, queues=1, mtu="1400")
        self.expect("queues", State.ADVICE, "ethtool -L eth2 combined 2")
        self.expect("mtu", State.ADVICE, "ip link set eth2 mtu 1500")

    def test_finds_a_nic_on_another_node_than_its_workers(self):
        self.host.nic("eth0", 0, node="1")
        self.expect("numa", State.ADVICE, "node1")

    def test_finds_an_iommu_that_is_off(self):
        (self.host.root / "sys/kernel/iommu_groups/0/type").unlink()
        (self.host.root / "sys/kernel/iommu_groups/0").rmdir()
        self.expect("iommu", State.ADVICE, "intel_iommu=on")

    def test_finds_ports_that_the_kernel_may_give_away(self):
        self.host.write("proc/sys/net/ipv4/ip_local_reserved_ports", "56000-56999")
        self.expect("reserved_ports", State.ADVICE, "56000-57000")
        self.host.write("proc/sys/net/ipv4/ip_local_port_range", "10000 20000")
        self.expect("reserved_ports", State.OK)

    def test_finds_an_old_kernel_a_slow_clock_and_irqbalance(self):
        self.host.write("proc/sys/kernel/osrelease", "5.10.0")
        self.host.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")
        self.host.write("proc/412/comm", "irqbalance")
        for name in ("kernel", "clock", "irqbalance"):
            self.expect(name, State.ADVICE)

    def test_finds_missing_users(self):
        self.host.write("etc/passwd", "isthmus-dataplane:x:1:1::/:/x")
        self.expect("users", State.MISSING, "isthmus-controlplane")

    def test_a_host_that_tells_nothing_is_no_crash(self):
        with tempfile.TemporaryDirectory() as empty:
            wanted = profile.load(ROOT / "hwconfig/profiles/medium-10gbe.toml")
            self.assertTrue(any(f.state is State.MISSING for f in findings.check(Host(empty), wanted)))

    def run_check(self, *arguments):
        return subprocess.run([ROOT / "hwconfig/check", "--root", self.host.root, *arguments], capture_output=True, text=True)

    def test_command_ends_with_the_next_step(self):
        good = self.run_check()
        self.assertEqual((good.returncode, good.stderr), (0, ""))
        self.assertIn("ready", good.stdout.splitlines()[-1])
        self.host.write("etc/passwd", "")
        bad = self.run_check("--json")
        self.assertEqual(bad.returncode, 1)
        self.assertEqual(json.loads(bad.stdout)["missing"], 1)
        self.assertEqual(self.run_check("--profile", "none").returncode, 2)


class Profiles(unittest.TestCase):
    GOOD = (ROOT / "hwconfig/profiles/medium-10gbe.toml").read_text(encoding="utf-8")

    def refused(self, old, new, *words):
        self.assertIn(old, self.GOOD)
        with self.assertRaises(profile.ProfileError) as caught:
            profile.parse(self.GOOD.replace(old, new, 1), "made-up")
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_all_shipped_ones_are_valid(self):
        for path in (ROOT / "hwconfig/profiles").glob("*.toml"):
            self.assertTrue(profile.load(path).description)

    def test_refuses_what_cannot_be(self):
        self.refused("calls = 100 ", "calls = 0 ", "capacity.calls")
        self.refused("calls = 100 ", "calls = true ", "capacity.calls")
        self.refused("shares = 10 ", "", "capacity.shares", "missing")
        self.refused("workers = [2, 3]", "workers = [2, 2]", "cpu.workers")
        self.refused("workers = [2, 3]", "workers = [0]", "cpu.control")
        self.refused("hugepage_kb = 2048", "hugepage_kb = 4", "memory.hugepage_kb")
        self.refused("mtu = 1500", "mtu = 1500\nspeed = 1", "nic.speed", "no known key")
        self.refused('io_mode = "af_xdp"', 'io_mode = "xdp"', "dataplane.io_mode")
        self.refused("[memory]", "[memory", "made-up")

    def test_names_all_problems_at_once(self):
        with self.assertRaises(profile.ProfileError) as caught:
            profile.parse("", "empty")
        self.assertGreater(len(str(caught.exception).splitlines()), 10)


class Lists(unittest.TestCase):
    def test_reads_the_kernels_form(self):
        self.assertEqual(parse_list("0-2,7\n"), {0, 1, 2, 7})
        self.assertEqual(parse_list(""), set())


if __name__ == "__main__":
    unittest.main()
