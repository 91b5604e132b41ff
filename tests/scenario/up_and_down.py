#!/usr/bin/env python3
"""The two commands of a first look: hwconfig/up places a judged call and says so in JSON, does little when run again, and
hwconfig/down takes away every trace. A gateway that ran before this test is used and left alone."""
import json
import os
import pathlib
import pwd
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import demo, netns, scenario  # noqa: E402  (the path comes first)

ROOT = pathlib.Path(__file__).resolve().parents[2]
HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
STREAM_KEYS = {"kind", "direction", "packets", "bytes", "lost", "jitter_ms", "codec", "encryption"}


def command(run, name, *arguments):
    done = subprocess.run([ROOT / "hwconfig" / name, *arguments], cwd="/", capture_output=True, text=True, timeout=600)
    (run.folder / f"{name}.log").open("a").write(done.stdout + done.stderr)
    run.check(done.returncode == 0, f"hwconfig/{name} {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout.splitlines() or [""]


def traces():
    """What `up` makes, as far as it is there."""
    found = [name for name in demo.NAMES.values() if netns.exists(name)]
    found += [str(folder) for folder in (demo.RUN, demo.STATE) if folder.exists()]
    for user in ("isthmus-dataplane", "isthmus-controlplane"):
        try:
            pwd.getpwnam(user)
            found.append(f"user {user}")
        except KeyError:
            pass
    for entry in pathlib.Path("/proc").glob("[0-9]*/exe"):
        try:
            if str(demo.STATE) in os.readlink(entry):
                found.append(f"process {entry.parent.name}")
        except OSError:
            continue
    return found


def main(run):
    ran_before = bool(traces())
    reserved = HUGEPAGES.read_text() if HUGEPAGES.exists() else ""
    verdict = json.loads(command(run, "up", "--json")[-1])
    run.say(json.dumps(verdict))
    run.check(verdict["call"] == "up", f"the call: {verdict['call']}")
    run.check(verdict["io_mode"] == "af_xdp", f"io mode {verdict['io_mode']}")
    run.check(bool(verdict["engine"]), "no SRTP engine is named")
    run.check(sorted((row["kind"], row["direction"]) for row in verdict["streams"]) ==
              [(kind, way) for kind in ("audio", "video") for way in ("left->right", "right->left")], "not four streams")
    run.check(all(STREAM_KEYS <= row.keys() for row in verdict["streams"]), "a stream lacks figures")
    pid = (demo.RUN / "supervisor.pid").read_text()
    command(run, "up", "--no-call")
    run.check((demo.RUN / "supervisor.pid").read_text() == pid, "a second up started another gateway")
    if ran_before:
        run.say("a gateway ran before this test: left as it is")
        return
    command(run, "down")
    run.check(traces() == [], f"left by hwconfig/down: {traces()}")
    run.check(not reserved or HUGEPAGES.read_text() == reserved, f"hugepages: {reserved.strip()} before, "
              f"{HUGEPAGES.read_text().strip()} after")
    command(run, "down")


if __name__ == "__main__":
    scenario.main(main)
