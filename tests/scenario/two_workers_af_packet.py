#!/usr/bin/env python3
"""Two packet workers in af_packet mode, each with a queue of its own: the kernel spreads flows by a hash that knows no port class, so
either worker may get a packet of either. One call on each, judged as any other."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.scenario import two_workers  # noqa: E402  (the path comes first)
from tests.support import gateway, netns, scenario  # noqa: E402


def main(run):
    with netns.Lab("ta") as lab, gateway.Running(lab, run, run.folder, "af_packet", workers=2) as running:
        two_workers.call(run, lab, running, "af_packet", 1)
        counters = two_workers.call(run, lab, running, "af_packet", 2)
        two_workers.say_share(run, "af_packet", counters)
        # Wherever the flows came, some of them were not the sessions' worker's: there was one session on each.
        run.check(counters["worker_handed_over"] > 0, "nothing was handed over")
        run.check(counters["worker_handed_over"] == counters["worker_taken_over"], "something is left in a ring")
        for worker in (0, 1):
            run.check(counters[f"worker.{worker}.packets_received"] > 0, f"worker {worker} received nothing")


if __name__ == "__main__":
    scenario.main(main)
