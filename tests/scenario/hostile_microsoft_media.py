#!/usr/bin/env python3
"""A Microsoft client of our own that is authentic and wrong, in a call to baresip: PACSI that lie, fragments without end, units too
large, layers that vanish, parameter sets that change, SSRCs outside of its range, source requests that are none, forged STUN.
Each is dropped under its name or tolerated, the picture at the far side recovers after it, and a good call beside it loses nothing."""
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import capture, demo_media, gateway, h264_stream, ms_call, netns, scenario  # noqa: E402  (the path comes first)
from tests.support.ms_client import bodies, h264uc, rtcp, stun  # noqa: E402

RECOVER_S = 4.0   # until a key picture
CLEAN_S = 0.5     # of right pictures behind it
THIRD = "192.0.2.77"


def counters(running):
    found = re.findall(r'isthmus_data_plane_drops_total\{reason="(\w+)"\} (\S+)', running.rest.value("/metrics"))
    return {reason: int(float(value)) for reason, value in found}


class Steps:
    """One wrong thing after the other in one call; after each the far side gets right pictures again."""

    def __init__(self, run, running, caller):
        self.run, self.running, self.caller = run, running, caller
        self.film, self.video, self.number = caller.film, caller.video, caller.video.section.formats[0]
        self.clean = []   # (what, from, to) in seconds of the capture's clock
        self.asked = []   # what only a request of the far side ended, and how long it took

    def step(self, what, reason=None, least=1, act=None, change=None, seconds=0.3, by_itself=False):
        """reason: the counter that must rise by `least`; none: nothing may be dropped. by_itself: the test asks for no key picture."""
        before = counters(self.running)
        self.film.change = change
        began = time.time()
        if act:
            act()
        time.sleep(seconds)
        self.film.change = None
        if reason:
            try:
                netns.wait_until(lambda: counters(self.running)[reason] - before[reason] >= least, 2, reason)
            except TimeoutError:
                pass
        grown = {name: value - before[name] for name, value in counters(self.running).items() if value != before[name]}
        self.run.say(f"{what}: {grown}")
        self.run.check(grown.get(reason, 0) >= least if reason else not grown, f"{what}: dropped {grown}, not {reason} {least} times")
        self._recover(what, began if by_itself else time.time(), by_itself)

    def _recover(self, what, since, by_itself):
        if not by_itself:
            self.video.picture_wanted.set()
        try:
            key = netns.wait_until(lambda: next((at for at in self.film.key_times if at >= since), None), RECOVER_S, "a key picture")
        except TimeoutError:
            self.run.complain([f"{what}: nobody asked for a key picture within {RECOVER_S} s"])
            self.video.picture_wanted.set()
            time.sleep(CLEAN_S)
            return
        if by_itself:
            self.asked.append((what, round(key - since, 2)))
        time.sleep(CLEAN_S)
        self.clean.append((what, key - 0.005, key + CLEAN_S - 0.1))

    def send(self, *payloads, number=None, ssrc=None, pause_each=1 << 20):
        """With a pause of the film, so that no unit of its is torn."""
        layers, self.film.layers = self.film.layers, ()
        time.sleep(0.04)
        for at, payload in enumerate(payloads, 1):
            self.video.send(self.number if number is None else number, payload, False, 0, ssrc=ssrc)
            if at % pause_each == 0:
                time.sleep(0.01)
        self.film.layers = layers


# ------------------------------------------------------------------------------------------------------------- wrong media

def with_head(make):
    """Changes the PACSI of each picture."""
    return lambda payloads: [make(payloads[0]), *payloads[1:]]


def lying_pacsi(steps):
    good = h264uc.bitstream(1, 1)
    step = steps.step
    step("a PACSI whose SEI is longer than itself", "nal_malformed", 5, change=with_head(lambda head: head[:7] + b"\xff\xff" + head[9:]))
    step("a PACSI cut short", "nal_malformed", 5, change=with_head(lambda head: head[:3]))
    step("a PACSI with nine SEIs", "nal_malformed", 5, change=with_head(lambda head: h264uc.pacsi([good] * 9, 1)))
    step("a PACSI of 600 SEIs", "nal_malformed", 5, change=with_head(lambda head: h264uc.pacsi([b"\x06"] * 600, 1)))
    step("an aggregate in an aggregate", "nal_malformed", 5,
         change=lambda payloads: [h264uc.aggregate([payloads[0], h264uc.aggregate([payloads[0], good])]), *payloads[1:]])
    step("an aggregate past its end", "nal_malformed", 5, change=lambda payloads: [b"\x78\x00\xf0" + payloads[0][:9], *payloads[1:]])
    # Counts, sizes and layers are believed in nothing, so that nothing is lost.
    step("a PACSI in a PACSI", change=with_head(lambda head: h264uc.pacsi([head, good], 1)))
    step("255 units and layers of 65535", change=with_head(
        lambda head: h264uc.pacsi([h264uc.layout(65520, 65520, layers=2), h264uc.bitstream(255, 255)], 65535)))
    step("a stream layout that claims eight layers in no bytes", change=with_head(
        lambda head: h264uc.pacsi([h264uc.layout()[:27] + b"\xff" * 10], 1)))
    step("a PACSI in fragments", "nal_malformed", 5, change=lambda payloads: [b"\x7c\x9e" + payloads[0][1:20], b"\x7c\x5e" + payloads[0][20:], *payloads[1:]])


def wrong_units(steps):
    step, send = steps.step, steps.send

    def endless():
        send(*[b"\x7c\x85" + bytes(1000), *[b"\x7c\x05" + bytes(1000)] * 1150], pause_each=16)

    step("a fragmented unit of 1.1 MB", "nal_malformed", 50, act=endless)
    step("fragments without a beginning", "fragment_lost", 20, act=lambda: send(*[b"\x7c\x05" + bytes(99)] * 30))
    step("a fragment that begins and ends", "nal_malformed", 5, act=lambda: send(*[b"\x7c\xc5" + bytes(99)] * 5))
    step("units larger than a packet of ours", act=lambda: send(*[b"\x01" + bytes(1430)] * 5))
    step("units of another packetisation", "nal_unsupported", 5, act=lambda: send(*[bytes([kind]) + bytes(40) for kind in (25, 26, 27, 29, 31)]))
    step("nothing at all", "nal_malformed", 5, act=lambda: send(*[b""] * 5))
    step("FEC and RTVideo, which were not answered", "payload_type_unknown", 10,
         act=lambda: [send(*[bytes(50)] * 5, number=number) for number in (121, 123)])
    step("SSRCs outside of the range", "ssrc_out_of_range", 10,
         act=lambda: [send(*[b"\x41" + bytes(50)] * 2, ssrc=steps.video.ssrc + beyond) for beyond in (100, 101, 5000, 1 << 20, 1 << 30)])
    step("a hundred SSRCs of the range, one packet each", "ssrc_table_full", 20,
         act=lambda: [steps.video.send(steps.number, b"\x41" + bytes(50), False, 0, ssrc=steps.video.ssrc + n) for n in range(1, 100)])


def changing_streams(steps, small):
    step, film = steps.step, steps.film

    def only(*layers):
        film.layers = layers

    step("the upper layer vanishes", act=lambda: only(0), seconds=0.8)
    step("the base layer vanishes and comes back without a key", act=lambda: (only(1), time.sleep(0.8), only(0, 1)), by_itself=True)
    sps = next(nal for nal in small[0].units if nal[0] & 0x1F == 7)
    step("another SPS without a key picture", act=lambda: steps.send(sps), by_itself=True)
    sets = [b"\x68" + bytes([value, 0x88, 0x46, 0xE0]) for value in range(1, 120)]
    step("more parameter sets than anybody keeps", act=lambda: steps.send(*sets))
    pictures = film.pictures
    film.pictures = small + small
    steps.video.picture_wanted.set()
    step("another size in mid-call", seconds=1.0)
    film.pictures = pictures
    step("and back", seconds=0.6)


def wrong_requests(steps):
    video, entry = steps.video, rtcp.entry(steps.number)

    def lie(**values):
        return lambda: [video.send_rtcp(rtcp.video_source_request(video.ssrc, [entry], 70 + n, True, **values)) for n in range(3)]

    good = rtcp.video_source_request(video.ssrc, [entry], 80, True)
    for what, values in {"a length of 1": {"length": 1}, "255 entries in the space of one": {"count": 255}, "20 entries in the space of one":
                         {"count": 20}, "entries of 5 bytes": {"entry_bytes": 5}}.items():
        steps.step(f"a source request with {what}", "rtcp_malformed", 3, act=lie(**values))
    steps.step("a source request that is cut", "rtcp_malformed", 3,
               act=lambda: [video.send_rtcp(b"\x8f\xce\x00\x08" + good[4:36]) for _ in range(3)])
    steps.step("RTCP past its end", "rtcp_malformed", 3, act=lambda: [video.send_rtcp(good[:60]) for _ in range(3)])
    steps.step("no source wanted, then one again", act=lambda: (
        video.send_rtcp(rtcp.video_source_request(video.ssrc, [], 81, source=rtcp.NO_SOURCE)),
        video.send_rtcp(rtcp.video_source_request(video.ssrc, [entry], 82, True))))


def forged_stun(steps, lab):
    """Under the client's own address and under a third one: nobody without the password is answered, and no path is changed."""
    video, target = steps.video, steps.video.valid[1]
    third = netns.udp_listener(lab.names["left"], (THIRD, 0))
    right = video.check_values(1)

    def forge(**wrong):
        def act():
            for number in range(5):
                message = stun.check(bytes(11) + bytes([number]), **(right | wrong))
                video.send_raw(message)
                third.sendto(message, target)
        return act

    steps.step("STUN without integrity", "stun_unauthenticated", 10, act=forge(password=None))
    steps.step("STUN under another password", "stun_unauthenticated", 10, act=forge(password="x" * 24))
    steps.step("STUN for another user", "stun_username", 10, act=forge(username="abcd:efgh"))
    steps.step("STUN for our name's beginning", "stun_username", 10, act=forge(username=video.remote.ufrag))

    def damaged(at):
        message = bytearray(stun.check(bytes(12), **right))
        message[at] ^= 0x55
        return lambda: [video.send_raw(bytes(message)) or third.sendto(message, target) for _ in range(5)]

    steps.step("STUN with a wrong fingerprint", "stun_fingerprint", 10, act=damaged(-1))
    replayed = stun.check(bytes(12), **right)
    steps.step("a right check again, from a third address", act=lambda: [third.sendto(replayed, target) for _ in range(5)])
    third.setblocking(False)
    heard = 0
    try:
        while data := third.recv(2048):
            heard += 1
            steps.run.check(stun.parse(data) is not None, "media was sent to a third address")
    except BlockingIOError:
        pass
    steps.run.say(f"{heard} answers to a third address, all of them to right checks")
    third.close()


# ------------------------------------------------------------------------------------------------------------- descriptions

def crowded(text):
    """As many candidates as are taken, all of them dead, beside the right ones; keys of unknown suites, too short ones and the same line again before the right ones."""
    line = re.search(r"a=candidate:1 1 UDP.*\r\n", text)[0]
    found = [re.sub(r"\d+\.\d+\.\d+\.\d+ \d+ typ", f"192.0.2.{100 + n % 100} {20000 + n} typ", line.replace("candidate:1 ", f"candidate:{n} "))
             for n in range(2, 52)]
    key = re.search(r"a=crypto:3 .*\r\n", text)[0]
    bad = [key.replace("crypto:3", "crypto:7").replace("AES_CM_128_HMAC_SHA1_80", "ROT13_HMAC_CRC8"),
           re.sub(r"crypto:3 (\S+) inline:[A-Za-z0-9+/=]+", r"crypto:8 \1 inline:AAAA", key), key]
    sections = re.split(r"(?m)^(?=m=)", text)
    return "".join(part if not part.startswith("m=") else part.replace(key, "".join(bad) + key) + "".join(found) for part in sections)


def crowded_call(run, running, good):
    caller = ms_call.Caller(good.own, good.right, run.media, ms_call.Manner(), with_video=False, change_offer=crowded)
    try:
        caller.start()
        caller.wait_for_media()
        time.sleep(0.5)
        run.check(len(caller.audio.received) > 20, "dead candidates and keys: no sound")
        caller.call.bye()
    finally:
        caller.stop_sending()
        caller.stop()


def long_film(run):
    """One key picture alone, so that nothing heals by itself, and a smaller one."""
    made = {}
    for name, size in (("long", "640:360"), ("small", "320:180")):
        made[name] = run.folder / f"{name}.mp4"
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", demo_media.film(run.media, "left"), "-t", "20", "-vf",
                        f"scale={size}", "-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-g", "600", "-keyint_min",
                        "600", "-sc_threshold", "0", "-b:v", "1200k", made[name]], check=True)
    return made["long"], made["small"]


def endless_media(run):
    """As the demonstration's, but the right side's film lasts for the whole call: baresip falls silent at its end."""
    folder = run.folder / "media"
    folder.mkdir()
    for name in ("left.mp4", "left.wav", "right.wav"):
        (folder / name).symlink_to(run.media / name)
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-stream_loop", "5", "-i", demo_media.film(run.media, "right"), "-c", "copy",
                    folder / "right.mp4"], check=True)
    return folder


def frames(path, *options):
    lines = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *options, "-i", path, "-f", "framehash", "-"], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


def judge_recovery(run, steps, at_right, ports, films):
    """Behind each wrong thing the far side got the film's very frames, and no decoder complains."""
    known = set(frames(films[0])) | set(frames(films[1]))
    of_call = [packet for packet in at_right if packet.source_port == ports["video"] and packet.source == netns.RIGHT.gateway
               and packet.ssrc is not None]
    for what, begin, end in steps.clean:
        inside = [packet.datagram for packet in of_call if begin <= packet.time_s <= end]
        while inside and not inside[-1][1] & 0x80:  # no picture that is cut
            inside.pop()
        payloads = [h264_stream.rtp_payload(datagram) for datagram in inside]
        path = run.folder / "recovered.h264"
        count, errors = h264_stream.decode(payloads, path)
        shown = frames(path, "-f", "h264") if count else []
        run.check(count >= 5 and not errors and set(shown) <= known,
                  f"{what}: then {count} pictures, {errors} complaints of the decoder, {len(set(shown) - known)} not of the film")


def hostile_call(run, running, lab, good, films):
    caller = ms_call.Caller(good.own, good.right, run.media, ms_call.Manner(layers=2), film=films[0])
    try:
        caller.start()
        caller.wait_for_media()
        ports = ms_call.ports_of(running.rest, caller.call.id)
        time.sleep(5.5)  # until the gateway asks for no more first pictures
        steps = Steps(run, running, caller)
        lying_pacsi(steps)
        wrong_units(steps)
        changing_streams(steps, h264uc.with_layers(h264uc.pictures(films[1]))[:60])
        wrong_requests(steps)
        forged_stun(steps, lab)
        run.say(f"key pictures that the far side or the gateway asked for, seconds after: {steps.asked}")
        heard = len(caller.audio.received), len(caller.video.received)
        time.sleep(0.5)
        more = len(caller.audio.received) - heard[0], len(caller.video.received) - heard[1]
        run.check(more[0] > 10 and more[1] > 5, f"the hostile call is dead: {more} packets of sound and picture in half a second")
        run.check(running.rest.value("/api/v1/status")["calls"] == 2, "not both calls are up")
        run.check(not caller.video.wrong and not caller.audio.wrong, f"the gateway sent wrong things: {caller.video.wrong[:3]}")
        caller.call.bye()
        return steps, ports
    finally:
        caller.stop_sending()
        caller.stop()


def main(run):
    films, media = long_film(run), endless_media(run)
    with netns.Lab("hmm") as lab, gateway.Running(lab, run, run.folder, "af_packet", left_transport="tls", left_dialect="microsoft",
                                                  left_domain="ms.example.com", client_certificate="required") as running:
        netns.ip("address", "add", f"{THIRD}/24", "dev", "eth0", namespace=lab.names["left"])
        with ms_call.Call(lab, run.folder / "good", media, gateway.certificates(running.run), ms_call.Manner()) as good:
            good.ports = ms_call.ports_of(running.rest, good.left.call.id)
            steps, ports = hostile_call(run, running, lab, good, films)
            crowded_call(run, running, good)
            seconds = good.finish()
        netns.wait_until(lambda: running.rest.value("/api/v1/status")["data_plane"]["sessions"] == 0, 10, "end of all sessions")
        run.check("child.ended" not in running.log.read_text(errors="replace"), "a plane ended")
    at_right = capture.read(good.capture.path)
    judge_recovery(run, steps, at_right, ports, films)
    rows, complaints = ms_call.judge(good, seconds, at_right)
    for row in rows:
        run.say(f"the good call: {row}")
    run.complain([f"the good call: {sentence}" for sentence in complaints])


if __name__ == "__main__":
    scenario.main(main)
