"""Lets an endpoint that uses OpenSSL write down its TLS secrets, so that captures of its signalling can be read. Endpoints only:
the gateway has no such way, and must not have one."""
import os
import pathlib
import subprocess

_SOURCE = pathlib.Path(__file__).with_suffix(".c")


def environment(folder, file):
    """Environment for such an endpoint; file gets the secrets, folder the small library that does it."""
    library = pathlib.Path(folder).resolve() / "tls_keys.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl", "-lssl"], check=True)
    return os.environ | {"LD_PRELOAD": str(library), "SSLKEYLOGFILE": str(file)}


def tshark_options(capture):
    """For a capture left.pcap with left.keys beside it: how tshark opens its TLS and finds SIP in it."""
    keys = pathlib.Path(capture).with_suffix(".keys")
    if not keys.exists():
        return []
    return ["-o", f"tls.keylog_file:{keys}", "-d", "tls.port==5061,sip", "-d", "tls.port==65072,sip"]
