"""A packaged baresip 1.0 without screen or sound card: sends a film and a tone from files, keeps what it receives as
pictures (PNG) and sound (WAV), and takes orders over its control port."""
import json
import pathlib
import re
import subprocess

from . import demo_media, netns, tls_keys

CONTROL_PORT = 4444
CONTROL_TIMEOUT_S = 5.0
DSCP = 34  # of all that it sends

_MODULES = ("stdio.so g711.so aufile.so aubridge.so sndfile.so avcodec.so avformat.so fakevideo.so snapshot.so srtp.so").split()
_APPLICATIONS = "account.so contact.so menu.so ctrl_tcp.so".split()

_CONFIG = """\
poll_method epoll
sip_listen {listen}
call_local_timeout 60
call_max_calls 4
audio_source aufile,tone.wav
audio_player aubridge,record
audio_alert aufile,/dev/null
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
video_source avformat,film.mp4
video_display fakevideo,nil
video_size {width}x{height}
video_bitrate 1000000
video_fps {fps}
videnc_format yuv420p
avcodec_h264enc libx264
avcodec_h264dec h264
rtp_ports 10000-10999
rtp_stats yes
rtp_tos {tos}
statmode_default off
net_interface {device}
snd_path sounds
ctrl_tcp_listen 127.0.0.1:{control}
module_path {module_path}
"""

_TLS = """\
sip_certificate certificate.pem
sip_cafile trusted.pem
"""


class Baresip:
    """One endpoint. transport: udp, tcp, tls (listens on 5061 and needs a lab_ca.Certificate). encryption: none, srtp-mand (SDES, refuses clear), srtp (SDES if the peer wants).

    Starts in `place` of the lab; folder is its own and is filled with config, log, pictures/ and sounds/; with tls, its secrets are in a file FOLDER.keys beside it,
    where capture.py finds them for FOLDER.pcap. It works in that folder and by names in it: baresip cuts the names of the files that it
    writes off, sound at 124 characters and pictures at 99."""

    def __init__(self, lab, place, folder, media, address, transport="tcp", encryption="srtp-mand", user=None, film_of=None,
                 certificate=None):
        self.lab, self.place, self.address, self.transport = lab, place, address, transport
        self.namespace = lab.names[place]
        self.user = user or place
        self.folder = pathlib.Path(folder)
        self.pictures, self.sounds = self.folder / "pictures", self.folder / "sounds"
        self.log = self.folder / "baresip.log"
        self.process = None
        for path in (self.pictures, self.sounds):
            path.mkdir(parents=True)
        film_of = film_of or place
        host = f"[{address}]" if ":" in address else address
        # g711 alone: the recording is then made at the rate of the tone, and every packet is 20 ms.
        parameters = ["regint=0", "answermode=auto", "audio_codecs=pcmu,pcma", "video_codecs=h264"]
        if encryption != "none":
            parameters.append(f"mediaenc={encryption}")
        self.port = 5061 if transport == "tls" else 5060
        account = f"<sip:{self.user}@{host}:{self.port};transport={transport}>;" + ";".join(parameters)
        (self.folder / "accounts").write_text(account + "\n")
        (self.folder / "contacts").write_text("")
        module_path = pathlib.Path("/usr/lib/baresip/modules")
        self._bring(demo_media.film(media, film_of), "film.mp4")
        self._bring(demo_media.tone(media, film_of), "tone.wav")
        config = _CONFIG.format(listen=f"{host}:5060", width=demo_media.WIDTH, height=demo_media.HEIGHT, fps=demo_media.FRAMES_PER_S,
                                device="eth0", control=CONTROL_PORT, tos=DSCP << 2, module_path=module_path)
        self._environment = None
        if transport == "tls":
            self._bring(certificate.both, "certificate.pem")
            self._bring(certificate.trusted, "trusted.pem")
            config += _TLS
            self._environment = tls_keys.environment(self.folder, self.folder.with_suffix(".keys"))
        config += "".join(f"module {name}\n" for name in _MODULES) + "".join(f"module_app {name}\n" for name in _APPLICATIONS)
        (self.folder / "config").write_text(config)

    def _bring(self, file, name):
        (self.folder / name).symlink_to(pathlib.Path(file).resolve())

    def start(self):
        with self.log.open("wb") as log:
            self.process = self.lab.start(self.place, ["baresip", "-f", "."], cwd=self.folder, env=self._environment, stdout=log,
                                          stderr=subprocess.STDOUT)
        netns.wait_until(self._answers, 10, f"baresip {self.user}: start ({self.log})")

    def stop(self):
        """Ends cleanly, so that the recordings' headers are complete."""
        if self.process:
            netns.stop(self.process)

    def dial(self, uri):
        return self.command("dial", uri)

    def hang_up(self):
        return self.command("hangup")

    def picture(self):
        """Keeps the next received picture; returns its path, which exists once a picture came."""
        path = self.pictures / f"{len(list(self.pictures.iterdir())):02d}.png"
        self.command("snapshot_recv", str(path.relative_to(self.folder)))
        return path

    def recording(self):
        """What was heard, decoded: baresip names the file by the time of day."""
        found = sorted(self.sounds.glob("dump-*-dec.wav"))
        if not found:
            raise FileNotFoundError(f"baresip {self.user} recorded nothing in {self.sounds}")
        return found[-1]

    def wait_for_log(self, pattern, seconds):
        netns.wait_until(lambda: self.said(pattern), seconds, f"baresip {self.user}: '{pattern}' in {self.log}")

    def said(self, pattern):
        return re.search(pattern, self.log.read_text(errors="replace"))

    def wait_established(self, seconds=10):
        self.wait_for_log(r"Call established", seconds)

    def in_call(self):
        """Whether a call is established now, by the endpoint's own account."""
        return "ESTABLISHED" in self.command("listcalls").get("data", "")

    def command(self, name, parameters=None):
        """ctrl_tcp: a JSON object in a netstring. Events may come before the answer."""
        order = {"command": name, "token": "t"}
        if parameters is not None:
            order["params"] = parameters
        body = json.dumps(order).encode()
        with netns.connect(self.namespace, "127.0.0.1", CONTROL_PORT, CONTROL_TIMEOUT_S) as control:
            control.settimeout(CONTROL_TIMEOUT_S)
            control.sendall(b"%d:%s," % (len(body), body))
            stream = control.makefile("rb")
            for _ in range(100):
                message = _read_netstring(stream)
                if message.get("response"):
                    return message
        raise RuntimeError(f"baresip {self.user} did not answer to {name}")

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"baresip {self.user} ended at start, see {self.log}")
        try:
            return self.command("uuid") or True
        except OSError:
            return False


def _read_netstring(stream):
    length = b""
    while (digit := stream.read(1)) != b":":
        if not digit.isdigit() or len(length) > 8:
            raise ConnectionError("baresip closed its control connection")
        length += digit
    body = stream.read(int(length))
    stream.read(1)
    return json.loads(body)
