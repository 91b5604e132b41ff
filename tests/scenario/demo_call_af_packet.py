#!/usr/bin/env python3
"""The demonstration call in af_packet mode, which the data plane comes to by itself where it may not load XDP. In the middle of it
a stream is traced and the stages are measured, by REST and the command line."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, look, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 6.0
WITHOUT = ("bpf", "sys_admin")


def main(run):
    with netns.Lab("dp") as lab, gateway.Running(lab, run, run.folder, "af_packet", chosen=True, without=WITHOUT) as running:
        looker = look.Looker(run, lab, running)
        outcome = place_call.place(lab, running.rest, run.folder, run.media, CALL_S, "af_packet", say=run.say,
                                   during=looker.during)
        for row in outcome.rows:
            run.say(str(row))
        run.complain(outcome.complaints)
        looker.check()


if __name__ == "__main__":
    scenario.main(main)
