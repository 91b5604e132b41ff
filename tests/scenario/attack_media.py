#!/usr/bin/env python3
"""An audio and video call under attack on both legs, SRTP on the left and clear RTP on the right: floods onto live and closed ports
while the call is set up and later, guesses with the right SSRC from strangers, replayed, tampered and malformed packets under
the peer's own address, forged RTCP, STUN and DTLS of strangers. The call goes on and is judged as any other; nothing is sent to a
stranger, nothing of theirs reaches an endpoint, and each kind of packet is counted under its name."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import attacker, capture, gateway, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 14.0
STRANGERS = {"left": "192.0.2.66", "right": "198.51.100.66"}
GATEWAYS = {"left": netns.LEFT.gateway, "right": netns.RIGHT.gateway}
PEERS = {"left": netns.LEFT.peer, "right": netns.RIGHT.peer}
FLOOD_PER_S = 20_000
LISTEN_S = 0.6
# What the attack must have been dropped as; each is sent at least so often.
NAMED = {"wrong_source": 1000, "port_closed": 1000, "srtp_auth_failed": 20, "srtp_replayed": 5, "not_rtp": 5,
         "rtp_malformed": 5, "ip_fragment": 50}


def is_media_from(address):
    return lambda heard: heard.source[0] == address and capture.POOL_PORTS[0] <= heard.target[1] <= capture.POOL_PORTS[1]


def while_learning(attackers):
    """Before anything is known of the call: every port of both pools, from a stranger."""
    threads = []
    for side, one in attackers.items():
        packets = [attacker.datagram((one.stranger, 40000), (GATEWAYS[side], port), attacker.rtp(ssrc=0xBADC0DE, sequence=n))
                   for n, port in enumerate(range(capture.POOL_PORTS[0], capture.POOL_PORTS[1] + 1))]
        threads.append(one.send_in_background("while_learning", packets, FLOOD_PER_S // 2, 3.0))
    return threads


def in_the_call(run, attackers):
    for side, one in attackers.items():
        heard = one.listen(LISTEN_S, is_media_from(PEERS[side]))
        run.check(len(heard) > 20, f"{side}: only {len(heard)} packets of the peer were heard")
        flows = {(packet.source, packet.target) for packet in heard}
        run.say(f"{side}: {len(flows)} flows heard, attack on them")
        from_stranger(one, side, flows, heard)
        under_the_peers_name(one, side, heard)


def from_stranger(one, side, flows, heard):
    """The right port, the right SSRC, the next sequence numbers, the wrong source."""
    ahead = [attacker.datagram((one.stranger, 40002), packet.target, packet.payload) for packet in heard]
    one.send("inject", ahead, FLOOD_PER_S, 1.0)
    hello = [attacker.datagram((one.stranger, 40004), target, payload) for _, target in flows
             for payload in (attacker.stun_request(), attacker.dtls_client_hello())]
    one.send("stun_dtls", hello, 200, 0.5)
    one.send("fragments", [attacker.first_fragment(packet) for packet in ahead], 400, 0.5)
    closed = [attacker.datagram((one.stranger, 40006), (GATEWAYS[side], port), b"\x80" + bytes(171))
              for port in range(capture.POOL_PORTS[0], capture.POOL_PORTS[1] + 1) if port not in {t[1] for _, t in flows}]
    one.send("closed_ports", closed, FLOOD_PER_S, 1.0)


def under_the_peers_name(one, side, heard):
    """What only an attacker on the same network can do. A clear leg cannot tell a well-formed forgery from its peer (threat
    model 6), so it gets the malformed ones alone."""
    rtp = [packet for packet in heard if len(packet.payload) > 60]
    payloads = [packet.payload for packet in rtp]
    broken = [attacker.datagram(packet.source, packet.target, payload) for packet in rtp[:4]
              for payload in attacker.malformed(packet.payload)]
    one.send("malformed", broken, 400, 0.5)
    if side != "left":
        return
    forged = [attacker.datagram(packet.source, packet.target, payload)
              for packet, payload in zip(rtp, attacker.tampered(payloads))]
    one.send("tampered", forged, 2000, 0.5)
    again = [attacker.datagram(packet.source, packet.target, packet.payload) for packet in rtp]
    one.send("replayed", again, 2000, 0.5)
    rtcp = [attacker.datagram((packet.source[0], packet.source[1] + 1), (packet.target[0], packet.target[1] + 1), payload)
            for packet in rtp[:4] for payload in attacker.forged_rtcp(int.from_bytes(packet.payload[8:12], "big"))]
    one.send("forged_rtcp", rtcp, 200, 0.5)


def main(run):
    with netns.Lab("am") as lab, gateway.Running(lab, run, run.folder, "af_xdp") as running, \
            attacker.Attacker(lab, "left", STRANGERS["left"]) as left, \
            attacker.Attacker(lab, "right", STRANGERS["right"]) as right:
        attackers = {"left": left, "right": right}
        before = running.rest.counters()
        threads = while_learning(attackers)
        time.sleep(0.3)
        outcome = place_call.place(lab, running.rest, run.folder, run.media, CALL_S, "af_xdp", say=run.say,
                                   during=lambda *_: in_the_call(run, attackers),
                                   capture_filter=attacker.NOT_THE_ATTACK)
        for thread in threads:
            thread.join()
        for row in outcome.rows:
            run.say(str(row))
        run.complain(outcome.complaints)
        after = running.rest.counters()
        for one in attackers.values():
            run.say(f"sent from {one.stranger}'s network: {dict(one.sent)}")
        grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
        run.say(f"counted: { {name: grown[name] for name in sorted(grown)} }")
        for reason, least in NAMED.items():
            run.check(grown.get(f"drop_{reason}", 0) >= least, f"drop_{reason} grew by {grown.get(f'drop_{reason}', 0)}, not {least}")
        accounted = sum(value for name, value in grown.items()
                        if name in ("packets_forwarded", "packets_consumed", "packets_held") or name.startswith("drop_"))
        run.check(grown["packets_received"] == accounted,
                  f"received {grown['packets_received']}, but forwarded + consumed + held + dropped is {accounted}")


if __name__ == "__main__":
    scenario.main(main)
