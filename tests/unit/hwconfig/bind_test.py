#!/usr/bin/env python3
"""hwconfig/bind on a PCI bus made of files: what taking and giving back would do, in order, and what is refused."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from hwconfig.host.nic import NicError, Nics  # noqa: E402  (the path comes first)

PCI = "0000:03:00.0"


class Bind(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.device(PCI, "ice", "eth1")
        self.device("0000:00:1f.2", "ahci", None, kind="0x010601")
        self.addresses = [{"local": "192.0.2.1", "prefixlen": 24, "scope": "global"},
                          {"local": "fe80::1", "prefixlen": 64, "scope": "link"}]
        self.routes = {"-4": [{"dst": "192.0.2.0/24", "protocol": "kernel"},
                              {"dst": "10.0.0.0/8", "gateway": "192.0.2.254", "metric": 5}], "-6": []}
        self.nics = Nics(self.root, self.root / "state", self.ip)

    def device(self, pci, driver, interface, kind="0x020000"):
        device = self.root / "sys/bus/pci/devices" / pci
        (device / "iommu_group").mkdir(parents=True)
        (device / "class").write_text(kind + "\n", encoding="utf-8")
        drivers = self.root / "sys/bus/pci/drivers" / driver
        drivers.mkdir(parents=True, exist_ok=True)
        (device / "driver").symlink_to(drivers)
        if interface:
            (device / "net" / interface).mkdir(parents=True)

    def ip(self, *words):
        return [{"addr_info": self.addresses}] if words[0] == "address" else self.routes[words[0]]

    def take(self, pci=PCI, twin="nic0", **options):
        return self.nics.take(pci, twin, "isthmus-dataplane", **options)

    def test_lists_network_devices_alone(self):
        self.assertEqual([(nic.pci, nic.driver, nic.interface) for nic in self.nics.all()], [(PCI, "ice", "eth1")])

    def test_takes_in_this_order(self):
        steps, _ = self.take()
        bus = self.root / "sys/bus/pci"
        self.assertEqual([str(step) for step in steps], [
            "modprobe vfio-pci",
            f"echo {PCI} >{bus}/devices/{PCI}/driver/unbind",
            f"echo vfio-pci >{bus}/devices/{PCI}/driver_override",
            f"echo {PCI} >{bus}/drivers_probe",
            "ip tuntap add dev nic0 mode tap user isthmus-dataplane",
            "ip address replace 192.0.2.1/24 dev nic0",
            "ip link set nic0 up",
            "ip route replace 10.0.0.0/8 via 192.0.2.254 metric 5 dev nic0"])

    def test_gives_back_what_was(self):
        _, note = self.take()
        self.nics.write_note(PCI, note)
        texts = [str(step) for step in self.nics.give(PCI)]
        self.assertEqual(texts[0], "ip link del nic0")
        self.assertEqual(texts[-3:], ["ip address replace 192.0.2.1/24 dev eth1", "ip link set eth1 up",
                                      "ip route replace 10.0.0.0/8 via 192.0.2.254 metric 5 dev eth1"])
        self.nics.forget(PCI)
        with self.assertRaises(NicError):
            self.nics.give(PCI)

    def refused(self, word, **options):
        with self.assertRaises(NicError) as caught:
            self.take(**options)
        self.assertIn(word, str(caught.exception))

    def test_refuses_to_cut_the_operator_off(self):
        self.routes["-4"].append({"dst": "default", "gateway": "192.0.2.254"})
        self.refused("default route")
        steps, _ = self.take(force=True)
        self.assertIn("ip route replace default via 192.0.2.254 dev nic0", [str(step) for step in steps])

    def test_refuses_what_cannot_be_taken(self):
        self.refused("no PCI address", pci="eth1")
        self.refused("no PCI address", pci="../../0000:03:00.0")
        self.refused("no network device", pci="0000:00:1f.2")
        self.refused("no network device", pci="0000:09:00.0")
        self.refused("no name", twin="a b")
        self.refused("no name", twin="x" * 16)
        (self.root / "sys/bus/pci/devices" / PCI / "iommu_group").rmdir()
        self.refused("IOMMU")

    def test_refuses_a_second_time(self):
        self.device("0000:04:00.0", "vfio-pci", None)
        self.refused("taken already", pci="0000:04:00.0")


if __name__ == "__main__":
    unittest.main()
