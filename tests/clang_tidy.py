#!/usr/bin/env python3
"""clang-tidy on FILE..., several at a time: a line "ok FILE" or "bad FILE" each, behind a bad one what was found.

What was found clean is remembered by the text that the compiler sees, comments and all, in ~/.cache/isthmus/clang-tidy: the
same text is not read a second time, in this clone or in another one."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

TIDY = "clang-tidy-19"
CLEAN = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "isthmus/clang-tidy"
SHOWN = 5  # findings a file


def compile_commands(build):
    """Source file -> how it is compiled, without the launcher in front of the compiler."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        while not pathlib.Path(words[0]).name.startswith(("g++", "c++", "clang++")):
            words.pop(0)
        commands[os.path.relpath(entry["file"])] = (words, entry["directory"])
    return commands


def fingerprint(command, rules):
    """Of what the outcome depends on, or None where the preprocessor already fails. `rules`: version and configuration. The lines
    that say which file a text is from are in it: some rules ask for the name of a header, or whether a text is one."""
    words, folder = command
    out = words.index("-o")
    words = [word for word in words[:out] + words[out + 2:] if word != "-c"]
    seen = subprocess.run([*words, "-E", "-C"], cwd=folder, capture_output=True, check=False)
    if seen.returncode != 0:
        return None
    text = " ".join(words).encode() + b"\n" + seen.stdout
    return hashlib.sha256(rules + text.replace(os.getcwd().encode(), b"")).hexdigest()


def remember(key):
    try:
        CLEAN.mkdir(parents=True, exist_ok=True)
        (CLEAN / key).touch()
    except OSError:
        pass  # it costs the next run its time, and nothing else


def check(file, build, command, rules):
    key = fingerprint(command, rules) if command else None
    if key and (CLEAN / key).exists():
        return True, ""
    run = subprocess.run([TIDY, "--quiet", "-p", build, file], capture_output=True, text=True, check=False)
    if run.returncode == 0 and key:
        remember(key)
    found = [line for line in run.stdout.splitlines() if "error:" in line or "warning:" in line]
    return run.returncode == 0, "\n".join(found[:SHOWN]) or run.stderr[-500:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    commands = compile_commands(options.build)
    rules = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout + pathlib.Path(".clang-tidy").read_bytes()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = pool.map(lambda file: check(file, options.build, commands.get(file), rules), options.files)
        all_clean = True
        for file, (clean, found) in zip(options.files, runs):
            print(f"ok {file}" if clean else f"bad {file}\n{found}", flush=True)
            all_clean = all_clean and clean
    return 0 if all_clean else 1


if __name__ == "__main__":
    sys.exit(main())
