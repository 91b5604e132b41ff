#!/usr/bin/env python3
"""The parts of hwconfig/up that need more than a shell: networks, configuration, the demonstration call and its verdict."""
import argparse
import json
import os
import pathlib
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import demo_media, gateway, microsoft_call, netns, place_call  # noqa: E402  (the path comes first)

NAMES = {"left": "isthmus-left", "gateway": "isthmus-gw", "right": "isthmus-right"}
RUN, STATE = pathlib.Path("/run/isthmus"), pathlib.Path("/var/lib/isthmus")
BUILD = pathlib.Path(__file__).resolve().parents[2] / "build/release"  # has the Microsoft client
USER = "isthmus-controlplane"
CALL_S = 8.0


def rest():
    return gateway.Rest(NAMES["gateway"], STATE / "token")


def networks(_):
    for name in NAMES.values():
        netns.remove(name)
    netns.make(NAMES)


def configure(arguments):
    shutil.rmtree(arguments.to, ignore_errors=True)
    arguments.to.mkdir(parents=True)
    gateway.write_configuration(arguments.to, RUN, arguments.io_mode, USER, **microsoft_call.GATEWAY,
                                **microsoft_call.STANDARDS["encrypted"].gateway)


def ready(_):
    try:
        netns.wait_until(rest().ready, gateway.READY_S, "readiness of the gateway (GET /readyz)")
    except TimeoutError as error:
        sys.exit(str(error))


def verdict(call, streams):
    data_plane = (rest().value("/api/v1/status").get("data_plane")) or {}
    return {"call": call, "io_mode": data_plane.get("io_mode"), "engine": data_plane.get("srtp_engine"), "streams": streams}


def status(_):
    print(json.dumps(verdict("none", [])))


def say(sentence):
    print(f"         {sentence}", flush=True)


def call(arguments):
    began = time.monotonic()
    folder = STATE / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if demo_media.make(STATE / "media"):
        say("made films and tones")
    data_plane = rest().value("/api/v1/status")["data_plane"] or {}
    mode, reason = data_plane.get("io_mode"), data_plane.get("io_reason")
    say(f"io mode {mode}{f' ({reason})' if reason else ''}, SRTP engine {data_plane.get('srtp_engine')}")
    wanted = "af_xdp" if arguments.io_mode == "auto" else arguments.io_mode
    rows, complaints = [], []
    if mode != wanted:
        complaints = [f"the data plane runs in mode {mode}, not {wanted}{f': {reason}' if reason else ''}"]
    else:
        try:
            with netns.Lab("demo", names=NAMES) as lab:
                outcome = microsoft_call.place(lab, rest(), BUILD, folder, STATE / "media", CALL_S, wanted,
                                               gateway.certificates(RUN), say=say,
                                               each_second=lambda shown: say(place_call.figures(shown)),
                                               **microsoft_call.STANDARDS["encrypted"].endpoint)
            rows, complaints = outcome.rows, outcome.complaints
        except Exception as error:  # the verdict is a sentence; the folder has the logs
            complaints = [f"{type(error).__name__}: {error}"]
    for row in rows:
        judged = f"SSIM {row['ssim']}, {row['decoded_pictures']} pictures" if "ssim" in row else f"tone {row.get('tone_hz')} Hz"
        say(f"{row['direction']:12} {row['kind']} {row['codec']} {row['packets']} packets, {row['lost']} lost, "
            f"jitter {row['jitter_ms']} ms, {row['encryption']}, {judged}")
    for complaint in complaints:
        say(f"WRONG: {complaint}")
    say(f"judged in {time.monotonic() - began:.0f} s; pictures, sound and captures: {folder}")
    answer = verdict("failed: " + "; ".join(complaints) if complaints else "up", rows)
    arguments.result.write_text(json.dumps(answer) + "\n")
    sys.exit(1 if complaints else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("networks").set_defaults(run=networks)
    one = commands.add_parser("configure")
    one.add_argument("--io-mode", required=True)
    one.add_argument("--to", type=pathlib.Path, required=True)
    one.set_defaults(run=configure)
    commands.add_parser("ready").set_defaults(run=ready)
    commands.add_parser("status").set_defaults(run=status)
    one = commands.add_parser("call")
    one.add_argument("--io-mode", required=True)
    one.add_argument("--result", type=pathlib.Path, required=True)
    one.set_defaults(run=call)
    arguments = parser.parse_args()
    os.umask(0o022)
    arguments.run(arguments)


if __name__ == "__main__":
    main()
