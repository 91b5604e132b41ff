"""Certificates of the laboratory's authority, made by hwconfig/lab_ca."""
import dataclasses
import pathlib
import subprocess

_PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "hwconfig/lab_ca"


@dataclasses.dataclass(frozen=True)
class Certificate:
    chain: pathlib.Path     # what its owner sends: certificate, issuing CA
    key: pathlib.Path
    both: pathlib.Path      # key and chain in one file
    trusted: pathlib.Path   # the root that the other side trusts


def make(folder, names, owner=None):
    """names: {"gateway": ["gateway.example.com", "192.0.2.1"], ...}; SANs are DNS names, addresses or "sip:" URIs. Returns
    {"gateway": Certificate, ...}. All of one folder have the same root; a second call adds to it. owner: the user that may
    read the private keys of this call, beside root."""
    folder = pathlib.Path(folder)
    command = [_PROGRAM, *(["--owner", owner] if owner else []), folder,
               *(f"{name}={','.join(sans)}" for name, sans in names.items())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"hwconfig/lab_ca: {done.stderr.strip() or done.returncode}")
    return {name: Certificate(folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}.both.pem", folder / "ca.pem")
            for name in names}
