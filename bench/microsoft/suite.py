"""Calls between pidgin-sipe and baresip through the gateway: how soon ICE ends, how soon a picture can be seen, and whether
anything is lost in a minute."""
import pathlib
import shutil
import tempfile

from bench.harness.rows import Row
from tests.support import demo_media, gateway, microsoft_call, netns, scenario

CALL_S = 5.0
LONG_CALL_S = 60.0
STANDARDS = microsoft_call.STANDARDS["encrypted"]


def calls(run, seconds, turns, say):
    """Outcomes of calls of so many seconds each, from either side in turn; a call with a complaint ends the run."""
    outcomes = []
    with netns.Lab("bench-ms") as lab, gateway.Running(lab, run, run.folder / "gateway", "af_packet", **microsoft_call.GATEWAY,
                                                       **STANDARDS.gateway) as running:
        for turn in range(turns):
            caller = ("left", "right")[turn % 2]
            folder = run.folder / f"{seconds:.0f}-{turn}"
            outcome = microsoft_call.place(lab, running.rest, run.build, folder, run.media, seconds, running.io_mode,
                                           gateway.certificates(running.run), caller=caller, **STANDARDS.endpoint)
            say(f"{seconds:.0f} s, {'pidgin-sipe' if caller == 'left' else 'baresip'} calls: ICE {outcome.ice_ms} ms, first picture "
                f"{outcome.first_picture_ms} ms, {sum(row['lost'] for row in outcome.rows)} lost")
            if outcome.complaints:
                raise RuntimeError(f"no good call to measure ({folder}): {'; '.join(outcome.complaints)}")
            outcomes.append(outcome)
    return outcomes


def run(build, runs, say):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-bench-"))
    extra = {"io_mode": "af_packet", "microsoft": "pidgin-sipe, TLS", "standards": "baresip, TLS", "suite": "AES_CM_128_HMAC_SHA1_80"}
    try:
        place = scenario.Scenario("bench", build.resolve(), folder / "calls")
        short = calls(place, CALL_S, 2 * runs, say)
        place.media = folder / "long-films"  # baresip sends nothing more once its film is over
        demo_media.make(place.media, int(LONG_CALL_S) + 15)
        long = calls(place, LONG_CALL_S, 1, say)[0]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    streams = [row for row in long.rows if row["kind"] == "video"]
    return [
        Row("calls.microsoft.first_picture_ms", "ms", [max(one.first_picture_ms.values()) for one in short], limit=1000, extra=extra,
            note="the later of both ends"),
        Row("calls.microsoft.ice_lan_ms", "ms", [one.ice_ms for one in short], limit=1000, extra=extra, note="both streams"),
        Row("calls.microsoft.60s.lost", "packets", [sum(row["lost"] for row in long.rows)], limit=0, extra=extra,
            note=f"of {sum(row['packets'] for row in long.rows)} packets"),
        Row("calls.microsoft.60s.decode_errors", "pictures", [sum(row["decode_errors"] for row in streams)], limit=0, extra=extra,
            note=f"of {sum(row['decoded_pictures'] for row in streams)} pictures"),
    ]
