"""pidgin-sipe without a screen (tests/peers/sipe) and the Front End that it signs on to (registrar.py), as endpoints of a lab:
the same orders as baresip.Baresip."""
import json
import os
import pathlib
import shutil
import subprocess
import wave

from . import demo_media, netns

DOMAIN = "ms.example.com"         # of the clients
VIDEO_DOMAIN = "video.example.com"  # of the static route to the gateway
PROGRAM = "isthmus-sipe-client"
SAMPLES_PER_S = 8000
_REGISTRAR = pathlib.Path(__file__).with_name("registrar.py")
SIGN_ON_S, CALL_S = 30, 30  # a loaded machine is no reason to fail


class FrontEnd:
    """The registrar in a place of the lab. certificate: lab_ca.Certificate with its name and address, or None for TCP. Secrets of
    its connections go to `secrets`, where capture.py finds them for a capture beside it."""

    def __init__(self, lab, place, folder, address, certificate=None, name="left.example.com", secrets=None, gateway_port=None):
        self.lab, self.place, self.address, self.certificate, self.name = lab, place, address, certificate, name
        self.transport = "tls" if certificate else "tcp"
        self.port = 5061 if certificate else 5060
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "front_end.log"
        self._secrets = secrets
        self._gateway_port = gateway_port or (65072 if certificate else 5060)

    def start(self):
        command = ["python3", "-B", _REGISTRAR, "--address", self.address, "--port", self.port, "--transport", self.transport,
                   "--name", self.name, "--domain", DOMAIN, "--route", VIDEO_DOMAIN, "--log", self.log,
                   "--gateway-address", netns.LEFT.gateway, "--gateway-port", self._gateway_port]
        if self.certificate:
            command += ["--certificate", self.certificate.chain, "--key", self.certificate.key, "--trusted",
                        self.certificate.trusted]
            if self._secrets:
                command += ["--tls-secrets", self._secrets]
        with (self.folder / "front_end.err").open("wb") as errors:
            self.process = self.lab.start(self.place, command, stdout=errors, stderr=subprocess.STDOUT)
        netns.wait_until(self._listens, 15, f"start of the registrar ({self.folder / 'front_end.err'})")

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the registrar ended: {(self.folder / 'front_end.err').read_text()[-600:]}")
        return self.log.exists() and "listening" in self.log.read_text(errors="replace")

    def stop(self):
        netns.stop(self.process)

    def complaints(self):
        """What a Front End would not have taken."""
        errors = (self.folder / "front_end.err").read_text(errors="replace").strip()
        return [line.split(" ", 1)[1] for line in self.log.read_text(errors="replace").splitlines() if " WRONG: " in line] + (
            [f"registrar: {errors[-400:]}"] if errors else [])


class Sipe:
    """One client. user: its name before the @. film_of: whose film and tone it sends (default: its place). tone_rate: 0 where
    the call's codec is not of telephony; sound then starts late."""

    def __init__(self, lab, build, place, folder, media, address, front_end, user=None, film_of=None, encryption="required",
                 codecs="", accept_ms=200, tone_rate=SAMPLES_PER_S):
        self.lab, self.place, self.address, self.front_end = lab, place, address, front_end
        self.user = user or place
        self.transport = front_end.transport
        self.folder = pathlib.Path(folder)
        self.pictures = self.folder / "pictures"
        self.pictures.mkdir(parents=True)
        (self.folder / "trusted").mkdir()
        if front_end.certificate:
            shutil.copy(front_end.certificate.trusted, self.folder / "trusted/ca.pem")
        self.log, self._raw = self.folder / "sipe.log", self.folder / "sound.s16"
        film_of = film_of or place
        self._command = [build / "bin" / PROGRAM, "--user", f"{self.user}@{DOMAIN}", "--server",
                         f"{front_end.address}:{front_end.port}", "--transport", self.transport, "--home", self.folder / "home",
                         "--trusted", self.folder / "trusted", "--encryption", encryption, "--codecs", codecs, "--film",
                         demo_media.film(media, film_of), "--film-size", f"{demo_media.WIDTH}x{demo_media.HEIGHT}",
                         "--frames-per-s", demo_media.FRAMES_PER_S, "--tone-hz", demo_media.TONES_HZ[film_of], "--tone-rate", tone_rate, "--recording",
                         self._raw, "--accept-ms", accept_ms, "--debug"]
        self.process = None

    def start(self):
        program = self._command[0]
        if not os.access(program, os.X_OK):
            raise FileNotFoundError(f"{program} is missing: it is built where libpurple-dev is (hwconfig/install test demo)")
        (self.folder / "home").mkdir(mode=0o700)
        # No desktop, no sound server: what libraries look for them for must fail at once.
        # One of libpurple's plugins dies of a long HOME (libzephyr's ZGetVariable), so it is named from the working folder.
        environment = {"PATH": os.environ["PATH"], "HOME": "home", "LANG": "C.UTF-8"}
        with self.log.open("wb") as log:
            self.process = self.lab.start(self.place, self._command, cwd=self.folder, env=environment, stdin=subprocess.PIPE, stdout=log,
                                          stderr=subprocess.STDOUT)
        self.wait_for("signed_on", SIGN_ON_S)

    def stop(self):
        if self.process:
            if self.process.poll() is None:
                try:
                    self._order("quit")
                    self.process.wait(5)
                except (OSError, subprocess.TimeoutExpired):
                    pass  # netns.stop ends it
            netns.stop(self.process)

    def events(self, name=None, **fields):
        """What it reported so far; its log has libpurple's words between."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            if not line.startswith('{"time_s"'):
                continue
            event = json.loads(line)
            if (name is None or event["event"] == name) and all(event.get(key) == value for key, value in fields.items()):
                found.append(event)
        return found

    def wait_for(self, name, seconds, **fields):
        def reported():
            if self.process.poll() is not None:
                raise RuntimeError(f"{PROGRAM} of {self.user} ended with {self.process.returncode}, see {self.log}")
            return self.events(name, **fields)
        return netns.wait_until(reported, seconds, f"{self.user}: event {name} {fields or ''} ({self.log})")[-1]

    def dial(self, uri, kinds="av"):
        self._order(f"call {uri} {kinds}")

    def hang_up(self):
        self._order("hangup")

    def order(self, words):
        """accept, reject, hold, resume, dtmf 5 ..."""
        self._order(words)

    def picture(self):
        """Keeps the next received picture; returns its path, which exists once a picture came."""
        self._kept = getattr(self, "_kept", 0) + 1
        path = self.pictures / f"{self._kept:02d}.y4m"
        self._order(f"picture {path}")
        return path

    def recording(self):
        """What was heard, decoded, as WAV."""
        if not self._raw.exists():
            raise FileNotFoundError(f"{self.user} recorded nothing in {self._raw}")
        path = self._raw.with_suffix(".wav")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLES_PER_S)
            file.writeframes(self._raw.read_bytes())
        return path

    def wait_established(self, seconds=CALL_S):
        """Connected in both streams: their ICE has ended well and the far side has accepted."""
        for session in ("audio", "video"):
            self.wait_for("call", seconds, state="connected", session=session)

    def in_call(self):
        """Whether it has a call, by its own account."""
        before = len(self.events("status"))
        self._order("status")
        netns.wait_until(lambda: len(self.events("status")) > before, 10, f"answer of {self.user}")
        return bool(self.events("status")[-1]["in_call"])

    def complaints(self):
        """What it said that should not be in a good call."""
        return [f"{self.user}: {event['event']}: {event.get('text') or event.get('error')}"
                for event in self.events() if event["event"] in ("media_error", "connection_error", "gstreamer", "refused")]

    def _order(self, words):
        self.process.stdin.write(f"{words}\n".encode())
        self.process.stdin.flush()
