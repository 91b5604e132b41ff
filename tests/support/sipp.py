"""SIPp with the scenarios of tests/scenario/sipp: one process a side, its verdict is the exit status."""
import pathlib
import re
import subprocess

SCENARIOS = pathlib.Path(__file__).resolve().parents[1] / "scenario" / "sipp"


class Sipp:
    """scenario: name of a file without .xml. target: (host, port) that it calls; None for an answering side.
    transport: u1 (one UDP socket), t1 (one TCP connection). keep_messages: for messages()."""

    def __init__(self, lab, place, scenario, folder, local, calls, rate=10, pause_ms=300, transport="u1", target=None,
                 service="right", port=5060, media_port=20000, timeout_s=60, keep_messages=False):
        self.name = f"{place}-{scenario}-{transport}"
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._errors = self.folder / f"{self.name}.err"
        arguments = ["sipp", "-sf", SCENARIOS / f"{scenario}.xml", "-i", local, "-p", port, "-mp", media_port, "-t", transport,
                     "-m", calls, "-d", pause_ms, "-nostdin", "-timeout", f"{timeout_s}s", "-timeout_error", "-trace_err",
                     "-error_file", self._errors, "-trace_screen", "-screen_file", self.folder / f"{self.name}.screen"]
        self._messages = self.folder / f"{self.name}.messages"
        if keep_messages:
            arguments += ["-trace_msg", "-message_file", self._messages]
        if target:
            arguments += ["-s", service, "-r", rate, f"{target[0]}:{target[1]}"]
        self._log = (self.folder / f"{self.name}.log").open("wb")
        self.process = lab.start(place, arguments, stdout=self._log, stderr=subprocess.STDOUT, cwd=self.folder)

    def messages(self):
        """[(sent by it, message), ...] so far, with keep_messages."""
        found = re.split(r"^-{20,}.*\n(?:UDP|TCP) message (sent|received).*\n\n", self._messages.read_text(errors="replace"), flags=re.M)
        return [(way == "sent", text) for way, text in zip(found[1::2], found[2::2])]

    def wait(self, seconds=90):
        """Complaints: none when every call went as its scenario says."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return [f"{self.name} did not end within {seconds} s"]
        finally:
            self._log.close()
        if status == 0:
            return []
        errors = self._errors.read_text(errors="replace")[:400] if self._errors.exists() else ""
        return [f"{self.name} ended with {status}: {errors}"]
