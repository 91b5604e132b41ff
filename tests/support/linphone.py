"""A packaged linphonec 5.1 as an endpoint: answers by itself, plays a tone from a file, records what it hears. For signalling
and audio: its video is a still picture, and it keeps none of what it receives."""
import pathlib
import subprocess

from . import demo_media, netns

_RC = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port=-1
media_encryption={encryption}
default_proxy=-1
guess_hostname=1
contact="{user}" <sip:{user}@{address}>
use_ipv6=0
[net]
firewall_policy=0
[rtp]
audio_rtp_port=10100
video_rtp_port=10200
[video]
enabled=1
capture=1
display=0
automatically_accept=1
automatically_initiate=1
device=StaticImage: Static picture
[sound]
use_files=1
"""


class Linphone:
    """transport: udp, tcp. encryption: none, srtp (SDES)."""

    def __init__(self, lab, place, folder, media, address, transport="udp", encryption="none", user=None):
        self.lab, self.place, self.address = lab, place, address
        self.user = user or place
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "linphone.log"
        self._console = self.folder / "console.log"
        self._tone = demo_media.tone(media, place)
        # It doesn't listen where its data folder is missing.
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        (self.folder / "rc").write_text(_RC.format(udp=5060 if transport == "udp" else -1, tcp=5060 if transport == "tcp" else -1,
                                                   encryption=encryption, user=self.user, address=address))
        self.process = None

    def start(self):
        with self._console.open("wb") as console:
            self.process = self.lab.start(self.place, ["env", f"HOME={self.folder}", "linphonec", "-a", "-C", "-c",
                                                       self.folder / "rc", "-d", "4", "-l", self.log],
                                          stdin=subprocess.PIPE, stdout=console, stderr=subprocess.STDOUT)
        netns.wait_until(lambda: "linphonec>" in self._console.read_text(errors="replace"), 15, f"linphone {self.user}: start")
        self.order("soundcard use files")
        self.order(f"play {self._tone}")
        self.order(f"record {self.recording()}")

    def order(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def dial(self, uri):
        self.order(f"call {uri}")

    def hang_up(self):
        self.order("terminate")

    def wait_established(self, seconds=10):
        netns.wait_until(lambda: "connected" in self._console.read_text(errors="replace").lower(), seconds,
                         f"linphone {self.user}: call ({self._console})")

    def ended(self):
        return "ended" in self._console.read_text(errors="replace").lower()

    def recording(self):
        return self.folder / "heard.wav"

    def stop(self):
        if self.process and self.process.poll() is None:
            try:
                self.order("quit")
                self.process.wait(5)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                pass
        if self.process:
            netns.stop(self.process)
