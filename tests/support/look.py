"""Looks into a running call by the command line and REST, as an operator does: stages switched on, a stream traced."""
import json
import subprocess

from . import netns

PACKETS = 60
STRANGER_PORT, STRANGER_PACKETS = 4242, 5


class Looker:
    """during(): in the middle of a call. check(): behind it."""

    def __init__(self, run, lab, running):
        self.run, self.lab, self.running = run, lab, running
        self.records, self.lines, self.stages = [], "", {}

    def cli(self, *arguments):
        program = [self.running.programs / "isthmus", "--token-file", self.running.state / "token", *arguments]
        return subprocess.run(netns.command(self.lab.names["gateway"], [str(word) for word in program]), check=True,
                              capture_output=True, text=True, timeout=20).stdout

    def during(self, _left, _right):
        self.cli("stages", "on")
        call = self.running.rest.value("/api/v1/calls")["items"][0]
        audio = next(place for place, stream in enumerate(call["streams"]) if stream["kind"] == "audio")
        # A stranger speaks to the port of the traced leg.
        to = self.running.rest.value(f"/api/v1/calls/{call['id']}")["streams"][audio]["legs"][0]["local_address"]
        host, port = to.rsplit(":", 1)
        trace = f"/api/v1/calls/{call['id']}/trace"
        status, answer = self.running.rest.get(f"{trace}?stream=audio&packets={PACKETS}&seconds=5", "POST")
        self.run.check(status == 201, f"POST {trace}: {status} {answer}")
        status, answer = self.running.rest.get(trace, "POST")
        self.run.check(status == 409, f"a second trace on the same worker: {status} {answer}")
        with netns.udp_socket(self.lab.names["left"], (netns.LEFT.peer, STRANGER_PORT), (host, int(port))) as stranger:
            for number in range(STRANGER_PACKETS):
                stranger.send(bytes([0x80, 0, 0, number]) + bytes(8 + 160))
        netns.wait_until(lambda: not self.running.rest.value(trace)["running"], 5, "end of the trace by itself")
        self.records = self.running.rest.value(trace)["records"]
        self.running.rest.get(trace, "DELETE")
        self.run.check(self.running.rest.get(trace)[0] == 404, "a trace that was stopped is forgotten")
        # The same for people.
        self.lines = self.cli("trace", call["id"], "--stream", "video", "--packets", "20", "--seconds", "3")
        self.stages = json.loads(self.cli("--json", "stages", "off"))

    def check(self):
        check, records = self.run.check, self.records
        check(len(records) == PACKETS, f"{len(records)} records of {PACKETS} packets")
        strange = [one for one in records if one["drop_reason"] == "wrong_source"]
        check(len(strange) == STRANGER_PACKETS, f"{len(strange)} of {STRANGER_PACKETS} packets of the stranger are shown")
        check(all(one["source"] == f"{netns.LEFT.peer}:{STRANGER_PORT}" and one["stage"] == "admit" for one in strange),
              f"the stranger's packets are shown wrong: {strange[:1]}")
        media = [one for one in records if one["kind"] == "rtp" and one not in strange]
        check(all(one["fate"] == "forwarded" for one in media), "a packet of the call was not forwarded")
        for side, opened, closed in (("a", "ok", "clear"), ("b", "clear", "ok")):
            of_side = [one for one in media if one["side"] == side]
            check(len(of_side) > 5, f"{len(of_side)} audio packets that came to leg {side}")
            check(all((one["opened"], one["closed"]) == (opened, closed) for one in of_side),
                  f"leg {side}: SRTP is shown wrong: {of_side[:1]}")
            numbers = [one["rtp_in"]["sequence"] for one in of_side]
            check(numbers == [(numbers[0] + i) % 65536 for i in range(len(numbers))], f"leg {side}: numbers {numbers}")
        check(self.lines.count(" video left->right ") + self.lines.count(" video right->left ") == 20 and
              "20 record(s), ended by packets, 0 lost" in self.lines, f"isthmus trace printed {self.lines!r}")
        used = {stage["stage"]: stage for stage in self.stages["workers"][0]["stages"]}
        for name in ("receive", "classify", "unprotect", "map", "protect", "write_headers", "send", "tick"):
            check(used[name]["packets" if name != "tick" else "calls"] > 0 and used[name]["cycles"] > 0,
                  f"stage {name} was not measured: {used[name]}")
        check(not self.stages["measuring"], "the stages are measured although they were switched off")
        self.run.say("cycles a packet: " + ", ".join(f"{name} {stage['cycles_per_packet']:.0f}" for name, stage in used.items()
                                                     if stage["cycles_per_packet"]))
        self.run.say("a line of isthmus trace: " + self.lines.splitlines()[0])
