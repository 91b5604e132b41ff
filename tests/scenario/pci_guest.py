#!/usr/bin/env python3
"""io mode pci on real PCI drivers: the whole gateway runs in a guest under emulation, its two NICs bound to vfio-pci and driven by DPDK.
For each NIC model: ARP and ND, ping, and an audio and video call between two endpoints outside, judged like any other."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, guest, netns, place_call, scenario  # noqa: E402  (the path comes first)

MODELS = ("e1000e", "virtio-net-pci")
CALL_S = 8.0
READY_S = 120  # under emulation

_SCRIPT = """\
echo "isthmus:x:0:0::/:/bin/sh" >/etc/passwd; echo "isthmus:x:0:" >/etc/group
n=0
for nic in $nics; do
  take $nic
  side=$([ $n = 0 ] && echo left || echo right)
  /bin/ip tuntap add dev $side mode tap
  n=$((n + 1))
done
{addresses}
isthmus-supervisor --same-user --no-seccomp --bin-dir /bin --config-dir /state --state-dir /state --run-dir /run/isthmus 2>&1 &
for i in $(seq 600); do
  isthmus --token-file /state/token status >/tmp/status 2>/dev/null && grep -q "pci" /tmp/status && break
  sleep 0.2
done
echo "GUEST status"; cat /tmp/status; echo "GUEST ready"
sleep {seconds}
"""


class NoRest:
    """The guest's REST is on its own loopback; its console shows the status."""

    def value(self, path):
        raise RuntimeError(f"{path} cannot be reached from outside the guest")


def addresses():
    lines = []
    for side in netns.SIDES:
        lines += [f"/bin/ip address add {side.gateway}/24 dev {side.name}", f"/bin/ip -6 address add {side.gateway6}/64 dev {side.name} nodad",
                  f"/bin/ip link set {side.name} up"]
    return "\n".join(lines)


def initramfs(run, folder):
    vmlinuz, modules = guest.kernel(run.build / "guest-kernel")
    tree = guest.Tree(folder / "root")
    for name in gateway.PROGRAMS:
        tree.program(run.build / "bin" / name)
    tree.program("/sbin/ip")
    tree.plugins()
    tree.crypto_modules()
    tree.modules(modules)
    gateway.write_configuration(tree.root / "state", "/run/isthmus", "pci", left_device="0000:00:04.0", right_device="0000:00:05.0")
    tree.pack(_SCRIPT.format(addresses=addresses(), seconds=240), folder / "initrd.gz")
    return vmlinuz, folder / "initrd.gz"


def one_model(run, model, vmlinuz, initrd):
    folder = run.folder / model
    folder.mkdir()
    with netns.Lab("pg", wires=False) as lab, guest.Guest(lab, folder, vmlinuz, initrd, model, ("left", "right")) as machine:
        for side in netns.SIDES:
            netns.address_peer(lab.names[side.name], side)
        machine.wait_for("GUEST ready", READY_S)
        bound = machine.text().count("-> vfio-pci")
        run.check(bound == 2, f"{model}: {bound} NICs were bound to vfio-pci, not 2")
        run.check("pci" in machine.text().partition("GUEST status")[2], f"{model}: the status does not say io mode pci")
        for family, address in (("-4", netns.LEFT.gateway), ("-6", netns.LEFT.gateway6), ("-4", netns.RIGHT.gateway)):
            place = "left" if address != netns.RIGHT.gateway else "right"
            answer = netns.run(lab.names[place], ["ping", family, "-q", "-c", "5", "-i", "0.3", "-W", "3", address])
            run.check(" 0% packet loss" in answer, f"{model}: ping {address}: {answer.splitlines()[-2:]}")
        outcome = place_call.place(lab, NoRest(), folder, run.media, CALL_S, "pci", say=run.say, gateway_captures=False)
        for row in outcome.rows:
            run.say(f"{model}: {row}")
        # Emulated, the gateway needs some 100 ms to read an answer; until then the answering side's first picture is from nobody
        # known and is refused, so the caller's decoder starts in the middle of it.
        run.complain([f"{model}: {complaint}" for complaint in outcome.complaints
                      if not complaint.startswith("video right->left: the decoder complained")])


def main(run):
    vmlinuz, initrd = initramfs(run, run.folder)
    run.say(f"guest: {vmlinuz.name}, initramfs of {initrd.stat().st_size >> 20} MB")
    for model in MODELS:
        one_model(run, model, vmlinuz, initrd)


if __name__ == "__main__":
    scenario.main(main)
