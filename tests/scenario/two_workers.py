#!/usr/bin/env python3
"""Two packet workers in af_xdp mode on interfaces with one queue: all packets come to the first worker, and the second receives and
sends by it. Calls take the workers in turn; both are judged as any other, and what was not the first worker's was handed over."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 4.0


def check_law(run, counters):
    accounted = sum(value for name, value in counters.items()
                    if name in ("packets_forwarded", "packets_consumed", "packets_held") or name.startswith("drop_"))
    run.check(counters["packets_received"] == accounted,
              f"received {counters['packets_received']}, but forwarded + consumed + held + dropped is {accounted}")
    run.check(counters["drop_hand_over_full"] == 0, f"{counters['drop_hand_over_full']} dropped before a full ring")


def call(run, lab, running, mode, number):
    outcome = place_call.place(lab, running.rest, run.folder / f"{mode}-{number}", run.media, CALL_S, mode, say=run.say)
    for row in outcome.rows:
        run.say(str(row))
    run.complain(outcome.complaints)
    counters = running.rest.counters()
    check_law(run, counters)
    return counters


def say_share(run, mode, counters):
    handed, received = counters["worker_handed_over"], counters["packets_received"]
    run.say(f"{mode}: {handed} of {received} packets handed over ({100 * handed // received} %)")
    for worker in (0, 1):
        own = {name.split(".")[2]: value for name, value in counters.items() if name.startswith(f"worker.{worker}.")}
        run.say(f"worker {worker}: {own}")


def main(run):
    with netns.Lab("tw") as lab, gateway.Running(lab, run, run.folder, "af_xdp", workers=2) as running:
        first = call(run, lab, running, "af_xdp", 1)
        run.check(first["worker_handed_over"] == 0, "the first call is the first worker's, whose queue it came to")
        second = call(run, lab, running, "af_xdp", 2)
        say_share(run, "af_xdp", second)
        moved = second["worker.0.handed_over"]
        run.check(moved > 0 and moved == second["worker.1.taken_over"], f"{moved} handed over to the second worker")
        run.check(second["worker.1.packets_received"] == moved, "the second worker has received what was handed over")


if __name__ == "__main__":
    scenario.main(main)
