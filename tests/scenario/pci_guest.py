#!/usr/bin/env python3
"""io mode pci on real PCI drivers: the whole gateway runs in a guest under emulation, its two NICs bound to vfio-pci and driven by DPDK.
For each NIC model: ARP and ND, ping, and audio and video calls between two endpoints outside, judged like any other. With one packet worker,
and with two: the virtio NIC then has two queues and spreads by the hash that it was given, so that each worker receives its own sessions'
packets; e1000e has one, and the first worker hands over what is the second's. A NIC that checks sums has wrong ones dropped, and with
one worker it makes those of what leaves (tx_checksum_offload)."""
import pathlib
import re
import socket
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import attacker, capture, gateway, guest, netns, place_call, scenario  # noqa: E402  (the path comes first)

MODELS = (("e1000e", 1), ("virtio-net-pci", 1), ("e1000e", 2), ("virtio-net-pci", 2))  # and packet workers
CHECKS_SUMS = ("e1000e",)  # virtio would leave them unfinished, so it is not asked
MAKES_SUMS = ("e1000e", 1)
BAD_SUMS = 20
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
sed -i "s/^workers = .*/workers = $workers/" /state/dataplane.toml
[ "$offload" = 1 ] && sed -i "s/^workers = .*/&\\ntx_checksum_offload = true/" /state/dataplane.toml
isthmus-supervisor --same-user --no-seccomp --bin-dir /bin --config-dir /state --state-dir /state --run-dir /run/isthmus 2>&1 &
for i in $(seq 600); do
  isthmus --token-file /state/token status >/tmp/status 2>/dev/null && grep -q "pci" /tmp/status && break
  sleep 0.2
done
echo "GUEST status"; cat /tmp/status; echo "GUEST ready"
for i in $(seq {seconds}); do
  wget -q -O - --header "Authorization: Bearer $(cat /state/token)" http://127.0.0.1:{rest_port}/metrics >/tmp/metrics 2>/dev/null &&
    {{ echo "GUEST metrics $i"; sed -n 's/^isthmus_data_plane_\\(drops\\|per_worker\\)/METRIC \\1/p' /tmp/metrics; echo "GUEST told $i"; }}
  sleep 2
done
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
    tree.pack(_SCRIPT.format(addresses=addresses(), seconds=240, rest_port=gateway.REST_PORT), folder / "initrd.gz")
    return vmlinuz, folder / "initrd.gz"


def metrics(machine):
    """The newest that the guest has told, from now on: {"drops_total{reason=...}": 3, ...}."""
    told = len(re.findall(r"GUEST told", machine.text()))
    machine.wait_for(r"(?s)(GUEST told.*?){" + str(told + 2) + "}", 30)
    newest = machine.text().rpartition("GUEST told")[0].rpartition("GUEST metrics")[2]
    return {name: int(float(value)) for name, value in re.findall(r"METRIC (\S+) (\S+)", newest)}


def bad_sums(run, lab, machine, title, model):
    """Packets to a media port whose UDP checksum is wrong."""
    before = metrics(machine)
    with netns.raw_ip_socket(lab.names["left"]) as raw:
        for sequence in range(BAD_SUMS):
            payload = attacker.rtp(sequence=sequence)
            udp = struct.pack("!HHHH", 40000, 56000, 8 + len(payload), 0xBAD0 + sequence)
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, socket.inet_aton(netns.LEFT.peer), socket.inet_aton(netns.LEFT.gateway))
            raw.sendto(ip + udp + payload, (netns.LEFT.gateway, 0))  # the kernel completes the IPv4 header
    after = metrics(machine)
    dropped = after['drops_total{reason="driver_bad_frame"}'] - before['drops_total{reason="driver_bad_frame"}']
    # One sum in 65,536 is right by chance.
    wanted = range(BAD_SUMS - 1, BAD_SUMS + 1) if model in CHECKS_SUMS else range(1)
    run.say(f"{title}: {dropped} of {BAD_SUMS} packets with a wrong checksum dropped as driver_bad_frame")
    run.check(dropped in wanted, f"{title}: {dropped} packets were dropped as driver_bad_frame")


def share(run, machine, title, model):
    """After a call on each worker."""
    counters = metrics(machine)
    own = [{what: counters[f'per_worker_{what}_total{{worker="{worker}"}}'] for what in ("packets_received", "handed_over", "taken_over")}
           for worker in (0, 1)]
    run.say(f"{title}: workers {own}")
    for worker in (0, 1):
        run.check(own[worker]["packets_received"] > 1000, f"{title}: worker {worker} had no call")
    handed = own[0]["handed_over"] + own[1]["handed_over"]
    run.check(handed == own[0]["taken_over"] + own[1]["taken_over"], f"{title}: something is left in a ring")
    run.check(counters['drops_total{reason="hand_over_full"}'] == 0, f"{title}: a ring was full")
    steered = "io.steered" in machine.text()
    if model.startswith("virtio"):
        run.check(steered, f"{title}: the NIC does not steer")
        run.check(handed == 0, f"{title}: {handed} packets came to the wrong worker")
    else:
        run.check(not steered, f"{title}: a NIC without a hash steers")
        run.check(own[0]["handed_over"] > 1000, f"{title}: the first worker handed over {own[0]['handed_over']}")


def pings(run, lab, title):
    for family, address in (("-4", netns.LEFT.gateway), ("-6", netns.LEFT.gateway6), ("-4", netns.RIGHT.gateway)):
        place = "left" if address != netns.RIGHT.gateway else "right"
        answer = netns.run(lab.names[place], ["ping", family, "-q", "-c", "5", "-i", "0.3", "-W", "3", address])
        run.check(" 0% packet loss" in answer, f"{title}: ping {address}: {answer.splitlines()[-2:]}")


def sent_sums(run, folder, title, by_device):
    """Of what the endpoints received in a call."""
    for side in netns.SIDES:
        good, bad = capture.udp_sums(folder / f"{side.name}.pcap", side.gateway)
        run.say(f"{title}: {side.name} received {good} checksums that are right, {bad} that are not, made by {'the NIC' if by_device else 'software'}")
        run.check(good > 500 and bad == 0, f"{title}: {bad} checksums at {side.name} are wrong, {good} right")


def call(run, lab, folder, title):
    outcome = place_call.place(lab, NoRest(), folder, run.media, CALL_S, "pci", say=run.say, gateway_captures=False)
    for row in outcome.rows:
        run.say(f"{title}: {row}")
    # Emulated, the gateway needs some 100 ms to read an answer; until then the answering side's first picture is from nobody
    # known and is refused, so the caller's decoder starts in the middle of it.
    run.complain([f"{title}: {complaint}" for complaint in outcome.complaints
                  if not complaint.startswith("video right->left: the decoder complained")])


def one_model(run, model, workers, vmlinuz, initrd):
    title = f"{model}, {workers} worker{'s' if workers > 1 else ''}"
    folder = run.folder / f"{model}-{workers}"
    folder.mkdir()
    by_device = (model, workers) == MAKES_SUMS
    with netns.Lab("pg", wires=False) as lab, guest.Guest(lab, folder, vmlinuz, initrd, model, ("left", "right"), workers,
                                                          offload=int(by_device)) as machine:
        for side in netns.SIDES:
            netns.address_peer(lab.names[side.name], side)
        machine.wait_for("GUEST ready", READY_S)
        bound = machine.text().count("-> vfio-pci")
        run.check(bound == 2, f"{title}: {bound} NICs were bound to vfio-pci, not 2")
        made = machine.text().count("checksums_sent=\"by the device\"")
        run.check(made == (2 if by_device else 0), f"{title}: {made} NICs make the checksums of what leaves")
        run.check("pci" in machine.text().partition("GUEST status")[2], f"{title}: the status does not say io mode pci")
        pings(run, lab, title)
        for number in range(workers):  # sessions take the workers in turn
            call(run, lab, folder / f"call-{number}", title)
            if model == MAKES_SUMS[0]:  # virtio's link leaves sums to whoever needs them
                sent_sums(run, folder / f"call-{number}", title, by_device)
        if workers > 1:
            share(run, machine, title, model)
        else:
            bad_sums(run, lab, machine, title, model)


def main(run):
    vmlinuz, initrd = initramfs(run, run.folder)
    run.say(f"guest: {vmlinuz.name}, initramfs of {initrd.stat().st_size >> 20} MB")
    for model, workers in MODELS:
        one_model(run, model, workers, vmlinuz, initrd)


if __name__ == "__main__":
    scenario.main(main)
