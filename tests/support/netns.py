"""Network namespaces joined by veth pairs: left - gateway - right, made for one run and taken away after it.

    192.0.2.0/24, 2001:db8:1::/64            198.51.100.0/24, 2001:db8:2::/64
    left  .2 ----------------------- .1 gateway .1 ----------------------- .2  right
          eth0                     "left"       "right"                    eth0

Needs root. Nothing routes between the two sides: the gateway's namespace doesn't forward, so what arrives on the other
side went through a program.
"""
import ctypes
import fcntl
import http.client
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000  # sched.h
TUNSETIFF, IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x0002, 0x0100, 0x1000, 0x4000  # linux/if_tun.h
_libc = ctypes.CDLL(None, use_errno=True)


class Side:
    """One endpoint's network: its address, and the gateway's address that faces it."""

    def __init__(self, name, number, prefix4):
        self.name = name
        self.gateway, self.peer = f"{prefix4}.1", f"{prefix4}.2"
        self.gateway6, self.peer6 = f"2001:db8:{number}::1", f"2001:db8:{number}::2"


LEFT = Side("left", 1, "192.0.2")
RIGHT = Side("right", 2, "198.51.100")
SIDES = (LEFT, RIGHT)


def ip(*arguments, check=True, namespace=None):
    inside = command(namespace, []) if namespace else []
    done = subprocess.run([*inside, "ip", *arguments], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}{f' in {namespace}' if namespace else ''}: {done.stderr.strip()}")
    return done


def exists(namespace):
    return pathlib.Path("/run/netns", namespace).exists()


def remove(namespace):
    if exists(namespace):
        ip("netns", "del", namespace)


def make(name_of, direct=False, wires=True):
    """Makes the namespaces; name_of maps left, gateway, right to their names. direct joins left and right without a gateway
    between them: right then also has the address that the gateway would have on the left. Without wires nothing joins them yet."""
    places = ("left", "right") if direct else ("left", "gateway", "right")
    for place in places:
        ip("netns", "add", name_of[place])
        ip("link", "set", "lo", "up", namespace=name_of[place])
    if direct:
        _join(name_of["left"], "eth0", (LEFT.peer, LEFT.peer6), name_of["right"], "eth0", (LEFT.gateway, LEFT.gateway6))
        return
    for side in SIDES if wires else ():
        _join(name_of[side.name], "eth0", (side.peer, side.peer6), name_of["gateway"], side.name,
              (side.gateway, side.gateway6))
        _default_routes(name_of[side.name], side)


def _default_routes(namespace, side):
    ip("route", "add", "default", "via", side.gateway, namespace=namespace)
    ip("-6", "route", "add", "default", "via", side.gateway6, namespace=namespace)


def address_peer(namespace, side):
    """An eth0 that came from elsewhere (a guest's TAP) gets what the end of a veth pair would have."""
    ip("address", "add", f"{side.peer}/24", "dev", "eth0", namespace=namespace)
    ip("address", "add", f"{side.peer6}/64", "dev", "eth0", "nodad", namespace=namespace)
    ip("link", "set", "eth0", "up", namespace=namespace)
    _default_routes(namespace, side)


def _join(one, one_device, one_addresses, other, other_device, other_addresses):
    ip("link", "add", one_device, "netns", one, "type", "veth", "peer", "name", other_device, "netns", other)
    for namespace, device, (address4, address6) in ((one, one_device, one_addresses), (other, other_device, other_addresses)):
        ip("address", "add", f"{address4}/24", "dev", device, namespace=namespace)
        # Without nodad the address can't be bound to in the first two seconds.
        ip("address", "add", f"{address6}/64", "dev", device, "nodad", namespace=namespace)
        ip("link", "set", device, "up", namespace=namespace)


# A program that looks for its interfaces in /sys needs the namespace's own.
_OWN_SYS = 'mount --make-rprivate /sys && mount -t sysfs sysfs /sys; exec "$@"'


def command(namespace, arguments, own_sys=False):
    """nsenter, not `ip netns exec` and `ip -n`: those fail in a chroot whose root is no mount point."""
    enter = ["nsenter", f"--net=/run/netns/{namespace}"]
    if own_sys:
        enter += ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", _OWN_SYS, "sh"]
    return [*enter, *map(str, arguments)]


def run(namespace, arguments):
    """What a short program prints in a namespace, however it ends."""
    return subprocess.run(command(namespace, arguments), capture_output=True, text=True, check=False).stdout


def output(namespace, arguments):
    """What a short program prints in a namespace."""
    return subprocess.run(command(namespace, arguments), check=True, capture_output=True, text=True).stdout


def _inside(namespace, make_socket):
    """A socket made inside a namespace. Only a short-lived thread changes its namespace, never the caller."""
    outcome = {}

    def inside():
        try:
            with open(f"/run/netns/{namespace}", "rb") as handle:
                if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            outcome["socket"] = make_socket()
        except OSError as error:
            outcome["error"] = error

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["socket"]


def connect(namespace, host, port, timeout_s=5.0):
    """A TCP connection made inside a namespace."""
    return _inside(namespace, lambda: socket.create_connection((host, port), timeout_s))


def udp_socket(namespace, local, remote):
    """A connected UDP socket inside a namespace; both are (host, port)."""
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(local)
        made.connect(remote)
        return made
    return _inside(namespace, make)


def udp_listener(namespace, local):
    """A UDP socket at (host, port) inside a namespace that hears everybody."""
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(local)
        return made
    return _inside(namespace, make)


def tap(namespace, device, queues=1, finished=False):
    """Makes a TAP interface inside a namespace; returns its descriptors, one a queue, for a virtual machine. finished: packets bear their
    checksums, as on a wire; otherwise a header beside them may say that one is still to be made."""
    flags = IFF_TAP | IFF_NO_PI | (0 if finished else IFF_VNET_HDR) | (IFF_MULTI_QUEUE if queues > 1 else 0)

    def make():
        made = [os.open("/dev/net/tun", os.O_RDWR) for _ in range(queues)]
        for queue in made:
            fcntl.ioctl(queue, TUNSETIFF, struct.pack("16sH22x", device.encode(), flags))
        return made
    return _inside(namespace, make)


def tcp_listener(namespace, local):
    """Listens at (host, port) inside a namespace."""
    return _inside(namespace, lambda: socket.create_server(local))


def raw_ip_socket(namespace):
    """Sends whole IPv4 packets, whatever their source address."""
    return _inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))


def packet_socket(namespace, device):
    """Hears every frame that comes or goes on a device."""
    def make():
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))  # ETH_P_ALL
        made.bind((device, 0))
        return made
    return _inside(namespace, make)


class HttpConnection(http.client.HTTPConnection):
    """HTTP to a server that listens inside a namespace."""

    def __init__(self, namespace, host, port, timeout_s=5.0):
        super().__init__(host, port, timeout=timeout_s)
        self._namespace = namespace

    def connect(self):
        self.sock = connect(self._namespace, self.host, self.port, self.timeout)


class Lab:
    """with Lab("name") as lab: namespaces of its own; what was started in them is stopped at the end, by its id.
    With names it works in namespaces that exist already, and leaves them."""

    def __init__(self, name, direct=False, names=None, wires=True):
        prefix = f"it-{name}-{os.getpid()}"
        self.names = names or {place: f"{prefix}-{place}" for place in ("left", "gateway", "right")}
        self.direct, self._wires = direct, wires
        self.processes = []
        self._own = names is None

    def __enter__(self):
        if self._own:
            try:
                make(self.names, self.direct, self._wires)
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, place, arguments, **options):
        """Each in a process group of its own, so that its children end with it."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(command(self.names[place], arguments, place == "gateway"), start_new_session=True, **options)
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            stop(process)
        if self._own:
            for name in self.names.values():
                remove(name)


def stop(process, seconds=10):
    """Ends a process group that Lab.start or start_new_session made; asks first."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def wait_until(true_at_last, seconds, what):
    """Polls a condition; the sentence of the TimeoutError says what didn't happen."""
    deadline = time.monotonic() + seconds
    while True:
        value = true_at_last()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)
