"""Taking a NIC from the kernel for io mode pci and giving it back: which commands and writes that needs. Planning is apart from doing,
so that a plan can be shown, and tested on a host made of files.

A taken NIC is bound to vfio-pci; its addresses and routes move to a TAP interface (the twin), which the data plane serves. What was
before is noted in the state folder, and giving back follows that note."""
import dataclasses
import json
import os
import pathlib
import re

DRIVER = "vfio-pci"
PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
NETWORK_CLASS = "0x02"


class NicError(Exception):
    """A sentence that says what is wrong and what to do."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing to do: a command, or a text for a file of sysfs."""
    command: tuple[str, ...] = ()
    path: pathlib.Path | None = None
    text: str = ""

    def __str__(self):
        return " ".join(self.command) if self.command else f"echo {self.text or chr(39) * 2} >{self.path}"


@dataclasses.dataclass(frozen=True)
class Nic:
    pci: str
    driver: str | None
    interface: str | None  # of the kernel; None while taken


class Nics:
    """root: of /sys. ip: runs `ip -json ...` and returns what it says, parsed. state: folder of the notes."""

    def __init__(self, root, state, ip):
        self.devices = pathlib.Path(root) / "sys/bus/pci/devices"
        self.state, self._ip = pathlib.Path(state), ip

    def all(self):
        found = []
        for pci in sorted(os.listdir(self.devices)) if self.devices.is_dir() else []:
            device = self.devices / pci
            if not (device / "class").read_text(encoding="utf-8").startswith(NETWORK_CLASS):
                continue
            driver = device / "driver"
            found.append(Nic(pci, os.path.basename(os.path.realpath(driver)) if driver.exists() else None, _interface(device)))
        return found

    def _find(self, pci):
        if not PCI.fullmatch(pci):
            raise NicError(f"'{pci}' is no PCI address; they look like 0000:03:00.0 (hwconfig/bind list)")
        nic = next((nic for nic in self.all() if nic.pci == pci), None)
        if nic is None:
            raise NicError(f"there is no network device {pci} (hwconfig/bind list)")
        return nic

    def take(self, pci, twin, owner, force=False):
        """(steps, note) that take a NIC from the kernel and put a twin in the place of its interface."""
        nic = self._find(pci)
        if nic.driver == DRIVER:
            raise NicError(f"{pci} is taken already")
        if not INTERFACE.fullmatch(twin) or twin in (".", ".."):
            raise NicError(f"'{twin}' is no name for an interface")
        if not (self.devices / pci / "iommu_group").exists() and not force:
            raise NicError(f"{pci} is in no IOMMU group: vfio-pci does not take it (hwconfig/check says how to switch the IOMMU on)")
        addresses, routes = [], []
        if nic.interface:
            addresses = [f"{info['local']}/{info['prefixlen']}" for link in self._ip("address", "show", "dev", nic.interface)
                         for info in link["addr_info"] if info.get("scope") != "link"]
            routes = [route for family in ("-4", "-6") for route in self._ip(family, "route", "show", "dev", nic.interface)
                      if route.get("protocol") != "kernel" and not route["dst"].startswith("fe80")]
            if any(route["dst"] == "default" for route in routes) and not force:
                raise NicError(f"{nic.interface} has the default route: taking it may cut you off. With --force it moves to {twin} with the rest")
        note = {"driver": nic.driver, "interface": nic.interface, "twin": twin, "addresses": addresses,
                "routes": [_route(route) for route in routes]}
        steps = [Step(("modprobe", DRIVER))]
        steps += [Step(path=self.devices / pci / "driver/unbind", text=pci)] if nic.driver else []
        steps += [Step(path=self.devices / pci / "driver_override", text=DRIVER),
                  Step(path=self.devices.parent / "drivers_probe", text=pci),
                  Step(("ip", "tuntap", "add", "dev", twin, "mode", "tap", "user", owner)),
                  *_dress(twin, addresses, note["routes"])]
        return steps, note

    def give(self, pci):
        """Steps that undo take(), by its note."""
        nic = self._find(pci)
        note = self.note(pci)
        if note is None:
            raise NicError(f"{pci} was not taken by hwconfig/bind: there is no note of it in {self.state}")
        steps = [Step(("ip", "link", "del", note["twin"]))]
        steps += [Step(path=self.devices / pci / "driver/unbind", text=pci)] if nic.driver else []
        steps += [Step(path=self.devices / pci / "driver_override", text="\n"),
                  Step(path=self.devices.parent / "drivers_probe", text=pci)]
        if note["interface"]:
            steps += _dress(note["interface"], note["addresses"], note["routes"])
        return steps

    def _path(self, pci):
        return self.state / f"{pci}.json"

    def note(self, pci):
        try:
            return json.loads(self._path(pci).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def write_note(self, pci, note):
        self.state.mkdir(parents=True, exist_ok=True)
        self._path(pci).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")

    def forget(self, pci):
        self._path(pci).unlink(missing_ok=True)


def _interface(device):
    """A virtio NIC has its interface a level deeper."""
    folders = [device / "net", *sorted(device.glob("virtio*/net"))]
    return next((name for net in folders if net.is_dir() for name in sorted(os.listdir(net))), None)


def _route(route):
    words = [route["dst"]]
    for key in ("gateway", "metric", "prefsrc"):
        if key in route:
            words += {"gateway": "via", "prefsrc": "src"}.get(key, key), str(route[key])
    return words


def _dress(interface, addresses, routes):
    return [*(Step(("ip", "address", "replace", address, "dev", interface)) for address in addresses),
            Step(("ip", "link", "set", interface, "up")),
            *(Step(("ip", "route", "replace", *words, "dev", interface)) for words in routes)]
