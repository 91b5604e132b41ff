#!/usr/bin/env python3
"""Socket mode, for containers and laptops, which the data plane comes to by itself: the whole gateway runs as a user without any
right, without hugepages and without DPDK being started, and carries the demonstration call."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 6.0


def main(run):
    with netns.Lab("sock") as lab, gateway.Running(lab, run, run.folder, "socket", unprivileged=True, chosen=True) as running:
        for name in ("isthmus-dataplane", "isthmus-controlplane"):
            status = pathlib.Path(f"/proc/{running.plane(name)}/status").read_text()
            values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            run.check("0" not in values["Uid"].split(), f"{name} runs as root: {values['Uid']}")
            for kind in ("CapEff", "CapPrm", "CapAmb"):
                run.check(int(values[kind], 16) == 0, f"{name} has rights: {kind} {values[kind]}")
        maps = pathlib.Path(f"/proc/{running.plane('isthmus-dataplane')}/maps").read_text()
        run.check("/hugepages" not in maps and "rte" not in "".join(line.split("/")[-1] for line in maps.splitlines()
                                                                    if line.endswith(".map")), "DPDK memory is mapped")
        outcome = place_call.place(lab, running.rest, run.folder, run.media, CALL_S, "socket", say=run.say)
        for row in outcome.rows:
            run.say(str(row))
        run.complain(outcome.complaints)


if __name__ == "__main__":
    scenario.main(main)
