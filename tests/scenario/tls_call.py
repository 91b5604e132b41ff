#!/usr/bin/env python3
"""SIP over TLS with keys in it: baresip with a certificate calls through the gateway and is called, against a clear and
against an encrypted other side, and no laboratory switch is on. OpenSSL's s_client judges what the gateway offers and refuses:
chain, name, versions, ciphers, client certificates; and certificates change without a restart."""
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support import gateway, lab_ca, netns, place_call, scenario  # noqa: E402  (the path comes first)

CALL_S = 5.0
AT = f"{netns.LEFT.gateway}:{gateway.TLS_PORTS['left']}"


def handshake(lab, *arguments):
    """Exit status and words of s_client, which says hello, waits for what the server makes of it, and leaves."""
    done = subprocess.run(netns.command(lab.names["left"], ["timeout", "5", "openssl", "s_client", "-connect", AT, *arguments]),
                          input="\r\n\r\n", capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def wanted(certificate, name="gateway.example.com"):
    return ["-CAfile", certificate.trusted, "-verify_return_error", "-verify_hostname", name, "-verify", "3"]


def shown(certificate):
    return ["-cert", certificate.chain, "-key", certificate.key, "-cert_chain", certificate.chain]


def judge_offer(run, lab, own, strangers):
    good = [*wanted(own), *shown(own)]
    for version, cipher in (("-tls1_3", "TLS_AES_256_GCM_SHA384"), ("-tls1_2", "ECDHE-ECDSA-AES256-GCM-SHA384")):
        status, words = handshake(lab, version, "-showcerts", *good)
        run.check("Verify return code: 0 (ok)" in words, f"{version}: the gateway's certificate does not verify: {words[-400:]}")
        run.check(words.count("BEGIN CERTIFICATE") == 2, f"{version}: not the whole chain is sent")
        run.check(f"Cipher is {cipher}" in words, f"{version}: not {cipher}: {re.findall('Cipher is .*', words)}")
        run.check("TLS session ticket" not in words and "Reused, " not in words, f"{version}: a session ticket is offered")
    status, words = handshake(lab, *wanted(own, "other.example.com"), *shown(own))
    run.check("hostname mismatch" in words.lower(), "the certificate verifies for a name that it has not")
    refused = {
        "TLS 1.1": ["-tls1_1", "-cipher", "ALL@SECLEVEL=0", *good],
        "a cipher with CBC": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256", *good],
        "a cipher without forward secrecy": ["-tls1_2", "-cipher", "AES128-GCM-SHA256", *good],
        "no client certificate": ["-tls1_2", *wanted(own)],
        "a client certificate of another authority": ["-tls1_2", *wanted(own), *shown(strangers)],
    }
    for what, arguments in refused.items():
        status, words = handshake(lab, *arguments)
        run.check(status != 0 and re.search(r"alert|no ciphers", words), f"{what} is not refused: {words[-300:]}")
    # A TLS 1.3 client hears of it after its side of the handshake.
    status, words = handshake(lab, "-tls1_3", "-ign_eof", *wanted(own))
    run.check("alert certificate required" in words, f"TLS 1.3 without client certificate is not refused: {words[-300:]}")


def serial(lab, own):
    status, words = handshake(lab, "-showcerts", *wanted(own), *shown(own))
    text = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=words, capture_output=True, text=True, check=True)
    return text.stdout


def judge_reload(run, lab, running, own):
    before = serial(lab, own)
    for file in (running.run / "tls").glob("gateway.*"):
        file.unlink()
    lab_ca.make(running.run / "tls", {"gateway": ["gateway.example.com", netns.LEFT.gateway]}, "nobody")
    run.check(serial(lab, own) == before, "the gateway reads its certificate before it is told to")
    os.kill(running.plane("isthmus-controlplane"), signal.SIGHUP)
    netns.wait_until(lambda: serial(lab, own) != before, 5, "the new certificate after SIGHUP")


def calls(run, lab, running, certificates, name, **kinds):
    for caller in ("left", "right"):
        outcome = place_call.place(lab, running.rest, run.folder / f"{name}-{caller}", run.media, CALL_S, running.io_mode,
                                   say=run.say, caller=caller, certificates=certificates, left_transport="tls", **kinds)
        for row in outcome.rows:
            run.say(str(row))
        run.complain([f"{name}, {caller} calls: {complaint}" for complaint in outcome.complaints])
        alarms = str(running.rest.value("/api/v1/status")["alarms"])
        run.check("keys-over-clear" not in alarms, f"{name}: a switch for laboratories is on: {alarms}")


def main(run):
    with netns.Lab("tls") as lab:
        with gateway.Running(lab, run, run.folder / "clear", "af_packet", left_transport="tls",
                             client_certificate="required") as running:
            certificates = gateway.certificates(running.run)
            strangers = lab_ca.make(run.folder / "strangers", {"left": ["left.example.com"]})["left"]
            judge_offer(run, lab, certificates["left"], strangers)
            calls(run, lab, running, certificates, "tls-udp")
            judge_reload(run, lab, running, certificates["left"])
        with gateway.Running(lab, run, run.folder / "both", "af_packet", left_transport="tls", right_transport="tls",
                             right_encryption="required") as running:
            calls(run, lab, running, gateway.certificates(running.run), "tls-tls", right_transport="tls", right="srtp-mand")


if __name__ == "__main__":
    scenario.main(main)
