"""A guest under emulation (QEMU, TCG; no KVM, no disk): Debian's kernel, an initramfs with the gateway's programs, and PCI NICs bound
to vfio-pci behind an emulated IOMMU. What the guest's interfaces are joined to is a TAP in the lab's namespaces."""
import gzip
import os
import pathlib
import re
import shutil
import subprocess

from . import netns

KERNEL_PACKAGE = "linux-image-cloud-amd64"
MODULES = ("vfio-pci", "vfio_iommu_type1", "tun", "nf_tables", "nft_fib_inet", "e1000e", "e1000", "vmxnet3")
PLUGINS = ("bus_pci", "bus_vdev", "mempool_ring", "net_e1000", "net_virtio", "net_vmxnet3")
MEMORY_MB, CPUS, HUGEPAGES = 1536, 2, 192  # one CPU more for each further worker
_LIBRARIES = "usr/lib/x86_64-linux-gnu"

_INIT = """\
#!/bin/busybox sh
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
mkdir -p /dev/pts /dev/net /dev/shm /dev/hugepages /run /var /tmp
mount -t tmpfs t /tmp; mount -t tmpfs r /run; mount -t tmpfs s /dev/shm; mount -t hugetlbfs h /dev/hugepages
ln -s /run /var/run
for module in $(cat /modules/order); do insmod /modules/$module || echo "GUEST no module $module"; done
/bin/ip link set lo up
nics=$(for d in /sys/bus/pci/devices/*; do case $(cat $d/class) in 0x0200*) basename $d;; esac; done)
take() { # bind a NIC to vfio-pci
  [ -e /sys/bus/pci/devices/$1/driver ] && echo $1 >/sys/bus/pci/devices/$1/driver/unbind
  echo vfio-pci >/sys/bus/pci/devices/$1/driver_override; echo $1 >/sys/bus/pci/drivers_probe
  echo "GUEST $1 $(cat /sys/bus/pci/devices/$1/vendor):$(cat /sys/bus/pci/devices/$1/device) -> $(basename $(readlink /sys/bus/pci/devices/$1/driver))"
}
. /test.sh
echo "GUEST done"; poweroff -f
"""


def kernel(folder):
    """vmlinuz and the modules of Debian's kernel for virtual machines, unpacked and not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "boot").is_dir():
        depends = subprocess.run(["apt-cache", "depends", KERNEL_PACKAGE], check=True, capture_output=True, text=True).stdout
        package = re.search(r"Depends: (linux-image-\S+)", depends)[1]
        subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True, capture_output=True)
        archive = next(folder.glob("linux-image-*.deb"))
        subprocess.run(["dpkg", "-x", archive, folder], check=True)
        archive.unlink()
        version = next((folder / "lib/modules").iterdir()).name
        subprocess.run(["/sbin/depmod", "-b", folder, version], check=True)
    return next((folder / "boot").glob("vmlinuz-*")), next((folder / "lib/modules").iterdir())


class Tree:
    """The initramfs while it grows."""

    def __init__(self, root):
        self.root = root
        shutil.rmtree(root, ignore_errors=True)
        for name in (_LIBRARIES, "bin", "dev", "proc", "sys", "etc", "root", "lib64", "modules", "state"):
            (root / name).mkdir(parents=True)
        (root / "lib").symlink_to("usr/lib")
        shutil.copy("/bin/busybox", root / "bin/busybox")
        for applet in subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True).stdout.split():
            if applet != "busybox" and not (root / "bin" / applet).exists():
                (root / "bin" / applet).symlink_to("busybox")
        self._plugins = pathlib.Path(os.path.realpath(next(pathlib.Path("/", _LIBRARIES, "dpdk").glob("pmds-*"))))

    def program(self, path, name=None):
        target = self.root / "bin" / (name or pathlib.Path(path).name)
        target.unlink(missing_ok=True)
        shutil.copy(os.path.realpath(path), target)
        self.libraries(path)

    def libraries(self, path):
        for line in subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout.splitlines():
            found = re.search(r"(/\S+) \(0x", line)
            if not found:
                continue
            library = pathlib.Path(found[1])
            if self._plugins in pathlib.Path(os.path.realpath(library)).parents:
                self._plug(library.name.split(".so")[0])
            else:
                folder = "lib64" if "ld-linux" in library.name else _LIBRARIES
                target = self.root / folder / library.name
                if not target.exists():
                    shutil.copy(os.path.realpath(library), target)

    def crypto_modules(self):
        """What libsrtp2's crypto library opens at run time, which ldd does not tell."""
        for path in sorted(path for name in ("freebl", "softokn") for path in pathlib.Path("/", _LIBRARIES).glob(f"lib{name}*")):
            shutil.copy(path, self.root / _LIBRARIES / path.name)
            if path.suffix == ".so":
                self.libraries(path)

    def plugins(self):
        for name in PLUGINS:
            self._plug(f"librte_{name}")
            self.libraries(next(self._plugins.glob(f"librte_{name}.so.*")))

    def _plug(self, name):
        """A driver that is there as two files instead of one and a link registers twice, and DPDK ends."""
        folder = self.root / self._plugins.relative_to("/")
        folder.mkdir(parents=True, exist_ok=True)
        for plugin in self._plugins.glob(f"{name}.so.*"):
            if not (folder / plugin.name).is_symlink() and not (folder / plugin.name).exists():
                shutil.copy(plugin, folder / plugin.name, follow_symlinks=False)
            link = self.root / _LIBRARIES / plugin.name
            if not link.is_symlink():
                link.symlink_to(self._plugins / plugin.name)

    def modules(self, modules_folder):
        depends = (modules_folder / "modules.dep").read_text(encoding="utf-8")
        order = []
        for module in MODULES:
            line = re.search(rf"^(\S*/{re.sub('[-_]', '[-_]', module)}\.ko): ?(.*)$", depends, re.MULTILINE)
            for path in [*reversed(line[2].split()), line[1]] if line else []:
                name = pathlib.Path(path).name
                if name not in order:
                    order.append(name)
                    shutil.copy(modules_folder / path, self.root / "modules" / name)
        (self.root / "modules/order").write_text("\n".join(order) + "\n", encoding="utf-8")

    def pack(self, script, target):
        (self.root / "test.sh").write_text(script, encoding="utf-8")
        (self.root / "init").write_text(_INIT, encoding="utf-8")
        (self.root / "init").chmod(0o755)
        names = subprocess.run(["find", "."], cwd=self.root, check=True, capture_output=True).stdout
        archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=self.root, input=names, check=True,
                                 capture_output=True).stdout
        with gzip.open(target, "wb", compresslevel=1) as out:
            out.write(archive)


class Guest:
    """with Guest(...) as guest: runs until the block ends. A NIC for each of `places`, whose TAP is its other
    end. workers: the guest's script finds it as $workers; a NIC of the kind that has them gets as many queues, and spreads by RSS.
    words: more that the script finds so."""

    def __init__(self, lab, folder, vmlinuz, initrd, model, places, workers=1, **words):
        self.lab, self.log = lab, folder / f"guest-{model}.log"
        self._command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-M", "q35,kernel-irqchip=split", "-cpu", "max", "-smp",
                         str(CPUS + workers - 1), "-m", str(MEMORY_MB), "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
                         "-no-reboot", "-kernel", str(vmlinuz), "-initrd", str(initrd), "-append",
                         f"console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable intel_iommu=on hugepages={HUGEPAGES} "
                         + " ".join(f"{name}={value}" for name, value in {"workers": workers, **words}.items()),
                         "-device", "intel-iommu,intremap=on"]
        self._taps = []
        is_virtio = model.startswith("virtio")
        queues = workers if is_virtio else 1
        options = ",disable-legacy=on,iommu_platform=on" if is_virtio else ""
        if queues > 1:  # an interrupt for each ring, one for the control queue, one for changes
            options += f",mq=on,rss=on,vectors={2 * queues + 2}"
        for number, place in enumerate(places):
            # An emulated NIC makes the checksums that its driver asks for where the TAP wants them finished.
            taps = netns.tap(lab.names[place], "eth0", queues, finished=not is_virtio)
            self._taps += taps
            joined = f"fd={taps[0]}" if queues == 1 else "fds=" + ":".join(map(str, taps))
            # Each NIC below a bridge of its own: an IOMMU group of its own.
            self._command += ["-netdev", f"tap,id=n{number},{joined}", "-device",
                              f"{model},netdev=n{number},mac=02:00:00:00:0{number}:01,addr=0x{number + 4:x}{options}"]

    def __enter__(self):
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                             pass_fds=self._taps, start_new_session=True)
        for tap in self._taps:
            os.close(tap)
        return self

    def __exit__(self, *_):
        netns.stop(self._process)

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern, seconds):
        def said():
            if self._process.poll() is not None:
                raise RuntimeError(f"the guest ended: {self.text()[-1500:]}")
            return re.search(pattern, self.text())
        return netns.wait_until(said, seconds, f"'{pattern}' on the guest's console ({self.log})")
