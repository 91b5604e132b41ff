"""Places a call through a running gateway between pidgin-sipe behind its Front End (left) and baresip (right), and judges it."""
import dataclasses
import json
import time

from . import baresip, capture, gateway, judge_call, netns, place_call, sipe

END_S = 15

# gateway.write_configuration's settings for the Microsoft zone on the left.
GATEWAY = {"left_transport": "tls", "left_dialect": "microsoft", "left_domain": sipe.DOMAIN, "client_certificate": "required"}


@dataclasses.dataclass(frozen=True)
class Standards:
    """A kind of standards side: settings of the gateway's zone, and of the endpoint there (see Endpoints)."""
    gateway: dict
    endpoint: dict


STANDARDS = {"clear": Standards({}, {}),
             "encrypted": Standards({"right_transport": "tls", "right_encryption": "required"},
                                    {"right": "srtp-mand", "right_transport": "tls"})}


class Endpoints:
    """With folder, certificates (gateway.certificates) and the encryption of the right side; started in order, stopped all."""

    def __init__(self, lab, build, folder, media, certificates, right="none", right_transport="udp", encryption="required"):
        self.front_end = sipe.FrontEnd(lab, "left", folder, netns.LEFT.peer, certificates["left"],
                                       secrets=folder / "left.keys")
        self.left = sipe.Sipe(lab, build, "left", folder / "left", media, netns.LEFT.peer, self.front_end, encryption=encryption)
        self.right = baresip.Baresip(lab, "right", folder / "right", media, netns.RIGHT.peer, right_transport, right,
                                     certificate=certificates["right"])

    def start(self):
        self.front_end.start()
        self.right.start()
        self.left.start()

    def stop(self):
        for one in (self.left, self.right, self.front_end):
            one.stop()

    def dial(self, caller):
        if caller == "left":
            self.left.dial(f"sip:{self.right.user}@{sipe.VIDEO_DOMAIN}")
        else:
            port = gateway.TLS_PORTS["right"] if self.right.transport == "tls" else 5060
            self.right.dial(f"sip:{self.left.user}@{netns.RIGHT.gateway}:{port}")

    def hang_up(self, caller):
        (self.left if caller == "left" else self.right).hang_up()


def _ended(endpoint):
    return not endpoint.in_call()


def place(lab, rest, build, folder, media, seconds, io_mode, certificates, say=lambda sentence: None,
          each_second=lambda call: None, caller="left", gateway_captures=True, during=lambda ends: None, **kinds):
    """One call of so many seconds from answer and media on, judged. during(Endpoints): something to do once media flows.
    kinds: see Endpoints."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = Endpoints(lab, build, folder, media, certificates, **kinds)
    left, right = ends.left, ends.right
    captures = place_call.Captures(lab, folder, at_gateway=gateway_captures)
    newest = {}
    pictures = {"left": [], "right": []}
    try:
        ends.start()
        say(f"{'pidgin-sipe calls baresip' if caller == 'left' else 'baresip calls pidgin-sipe'}"
            f" (right: {right.transport}, {kinds.get('right', 'none')})")
        ends.dial(caller)
        right.wait_established(sipe.CALL_S)
        left.wait_established()
        began = time.monotonic()
        during(ends)
        while (elapsed := time.monotonic() - began) < seconds:
            if len(pictures["left"]) < place_call.PICTURES and elapsed >= (len(pictures["left"]) + 1) * seconds / (place_call.PICTURES + 1):
                for endpoint in (left, right):
                    pictures[endpoint.place].append(endpoint.picture())
            time.sleep(min(0.2, seconds / 20))
            if int(time.monotonic() - began) > int(elapsed):
                newest = place_call.shown(rest) or newest
                each_second(newest)
        ends.hang_up(caller)
        seconds = time.monotonic() - began
        other = right if caller == "left" else left
        netns.wait_until(lambda: _ended(other), END_S, f"end of the call at {other.place} after {caller} hung up")
    finally:
        ends.stop()
        captures.stop()
    (folder / "call.json").write_text(json.dumps(newest, indent=1))
    say("judging what each side received")
    faces = netns.LEFT.gateway if caller == "left" else netns.RIGHT.gateway
    answered_s = capture.answered_at(captures.files[caller], faces)
    parties = _parties(ends, pictures, captures, kinds.get("right", "none"))
    rows, complaints = judge_call.judge(parties, seconds, media, answered_s)
    complaints += ends.front_end.complaints() + left.complaints()
    seen = captures.seen_by_kernel()
    if io_mode in ("af_xdp", "pci") and seen:
        complaints.append(f"the gateway's kernel saw {seen} media packets: they did not all go by {io_mode}")
    # Media waits for the Microsoft side's answer, whoever called: with it ICE begins.
    at_microsoft_s = answered_s if caller == "left" else capture.answered_at(captures.files["left"], netns.LEFT.peer)
    outcome = place_call.Outcome(rows, complaints, newest)
    outcome.ice_ms = _since(at_microsoft_s, judge_call.ice_ended_s(parties[0]))
    # pidgin-sipe says when it decoded one; baresip does not, so that its first one counts when all of it is there.
    outcome.first_picture_ms = {"left": _since(at_microsoft_s, left.events("first_picture")[0]["time_s"]),
                                "right": _since(at_microsoft_s, judge_call.first_picture_s(parties[1]))}
    return outcome


def _since(began_s, ended_s):
    return round((ended_s - began_s) * 1000)


def _parties(ends, pictures, captures, right):
    parties = []
    for endpoint, side in ((ends.left, netns.LEFT), (ends.right, netns.RIGHT)):
        file = captures.files[endpoint.place]
        has_keys = endpoint is ends.left or right != "none"
        parties.append(judge_call.Party(
            endpoint.place, endpoint.address, side.gateway, pictures[endpoint.place], endpoint.recording(), capture.read(file),
            judge_call.keys_from(file, side.gateway) if has_keys else {}, is_microsoft=endpoint is ends.left,
            own_keys=judge_call.keys_from(file, endpoint.address) if has_keys else {}))
    return parties
